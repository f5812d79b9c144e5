//! What somebody sends who means no good, or does not know better: never an error of ours, never
//! somebody else's page.

mod assignment;
mod compressed;
mod imports;
mod inputs;
mod mails;
mod markup;
mod outward;
mod repeated;
mod uploads;
