//! The program when things around it break: it is killed, the disk fills up, the database is
//! held or gone, the clock goes back, clients dawdle or send rubbish. What was acknowledged is
//! there afterwards, people read in German what is the matter, and it goes on by itself.

mod clock;
mod database;
mod disk;
mod killed;
mod recorder;
mod slow;
mod tokens;
