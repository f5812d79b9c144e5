//! Sending a mailing, as the database sees it: freeze it, write its deliveries once, claim some,
//! mark what became of them.
//!
//! A delivery goes from *pending* to *claimed* in one transaction and to *handed* in another;
//! between the two lies the handing over. Whoever deletes the recipient meanwhile takes the
//! delivery out of *claimed*, so that it is not marked as handed.

mod claims;
mod ending;
mod start;

pub use claims::{
    Claim, InHand, Waiting, cancel, claim, in_hand_of_all, left_behind, put_back, waiting,
};
pub(crate) use ending::keys_in_mails;
pub use ending::{End, end, finish, try_lock, unlock};
pub use start::{
    AudiencePart, audience, begin, freeze, recipients_to_reach, unfinished, write_deliveries,
};
