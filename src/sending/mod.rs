//! Sends mailings, each recipient's mail once.
//!
//! * [`preparation`]: what is looked at before sending, and its start.
//! * [`transport`]: where mails go; [`outbox`]: the built-in one, files in the data directory;
//!   [`smtp`]: an account's mail server, [`probe`]: tries one out.
//! * [`signing`]: the keys that sign a mailing's mails.
//! * [`review`]: what the check of a mailing needs to know from the database.
//! * [`letter`]: a single mail that is sent at once, such as a test mail.
//! * [`sender`]: finds out what is to be sent; a thread for each account sends it. [`delivery`] is
//!   one mailing of it: `claiming` takes deliveries in hand, `writing` makes their mails. Into the
//!   outbox they go at once; to a mail server a `crew` of `worker`s brings them.
//! * [`timing`]: how long is waited for what; `domains`: those that have had enough for now.
//! * [`progress`]: how fast a mailing goes out.
//!
//! **Once.** A delivery is claimed in one transaction, and marked as handed in another. If the
//! program ends in between, the next one (or another node, once the lease has run out) settles it.
//! Of the outbox it finds out whether the mail was written. On its way to a mail server a delivery is
//! marked as *underway* just before its mail is sent: without the mark nothing was sent, and it
//! waits again; with it nobody can know, so it is *uncertain* and never repeated.

mod claiming;
mod crew;
mod delivery;
mod desk;
mod domains;
pub mod letter;
pub mod outbox;
pub mod preparation;
pub mod probe;
pub mod progress;
pub mod review;
pub mod sender;
pub mod signing;
pub mod smtp;
pub mod timing;
pub mod transport;
mod worker;
mod writing;

pub use delivery::SendError;
pub use sender::Sender;
pub use timing::Timing;
