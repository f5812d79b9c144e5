//! Sending a mailing, as the database sees it: freeze it, write its deliveries once, claim some,
//! mark what became of them.
//!
//! A delivery goes from *pending* to *claimed* in one transaction, with the name of the sender that
//! holds it. On the way to a mail server it is *underway*, from just before its mail is sent until
//! the server's reply is noted; into the outbox it goes from *claimed* at once. Whoever deletes the
//! recipient or cancels the mailing meanwhile takes the delivery out of *claimed*, so that its mail
//! does not go out. Everything is done on the condition that the sender still holds the delivery:
//! one that was taken for dead can do no harm when it goes on.

mod claims;
mod ending;
mod halting;
pub mod past;
mod refusals;
mod start;

pub use claims::{
    Claim, Hold, InHand, LeftBehind, Standing, Waiting, cancel as cancel_waiting, claim,
    in_hand_of_all, lock, put_back, renew, set_out, standing, take_over, waiting,
};
pub(crate) use ending::keys_in_mails;
pub use ending::{End, Ended, end, finish};
pub use halting::{
    Cancelled, cancel, cancel_some, deferred, pause, resume, schedule, scheduled, set_problem,
    take_places, under_way, unschedule,
};
pub use start::{
    AudiencePart, Work, audience, begin, freeze, lock_mailing, next_due, recipients_to_reach,
    unfinished, write_deliveries,
};
