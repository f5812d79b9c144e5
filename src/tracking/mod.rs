//! The heart of the product.
//!
//! * [`policy`]: the one decision whether something is measured personally (rule P1).
//! * [`token`]: what the pixel and the links in a mail carry, and the personal links.
//! * [`links`]: where the links of mailings lead, in memory.
//! * [`visitor`]: what a request says about who makes it; of its description a [`device`] class
//!   stays, and whether a `machine` came.
//! * [`recorder`]: hits in memory, batched, decided and stored in one transaction.
//! * [`enter`]: what a person who is entered starts with.
//! * [`settings`]: switching tracking off and on.
//! * [`pseudonymise`]: cutting the way back from events to a person, without changing a number.

pub mod asking;
pub mod device;
pub mod enter;
pub mod links;
mod machine;
pub mod policy;
pub mod pseudonymise;
pub mod readmission;
pub mod recorder;
pub mod selection;
pub mod settings;
pub mod stated_status;
pub mod token;
pub mod visitor;
