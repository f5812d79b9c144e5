//! Sends mailings, each recipient's mail once.
//!
//! * [`preparation`]: what is looked at before sending, and its start.
//! * [`transport`]: where mails go; [`outbox`]: the built-in one, files in the data directory;
//!   [`smtp`]: an account's mail server, [`probe`]: tries one out.
//! * [`signing`]: the keys that sign a mailing's mails.
//! * [`letter`]: a single mail that is sent at once, such as a test mail.
//! * [`sender`]: the thread that works through what was started, [`delivery`] one mailing of it.
//!
//! **Once.** A delivery is claimed in one transaction, its mail handed to the transport, and then
//! marked as handed in another transaction. If the program ends in between, the next one asks the
//! transport about each claimed delivery: it was handed over, it was not (then it waits again), or
//! nobody knows (then it is marked *uncertain* and never repeated).

mod delivery;
pub mod letter;
pub mod outbox;
pub mod preparation;
pub mod probe;
pub mod sender;
pub mod signing;
pub mod smtp;
pub mod transport;

pub use delivery::SendError;
pub use sender::Sender;
