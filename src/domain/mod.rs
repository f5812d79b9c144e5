//! The words of the product as types, and the rules that need nothing but those types.
//!
//! No SQL and no HTTP here. What arrives from outside is parsed into these types at the edge and
//! trusted from then on.

pub mod address;
pub mod audit;
pub mod bounce;
pub mod consent;
pub mod day;
pub mod field;
pub mod group;
pub mod private_files;
pub mod public_address;
pub mod random_key;
pub mod recovery_code;
pub mod role;
pub mod scope;
pub mod sealed;
pub mod secret;
pub mod server;
pub mod signature;
pub mod small_groups;
pub mod text;
pub mod time;
pub mod totp;
pub mod tracking;
pub mod webhook;

/// Declares an enum that is stored as a word, with the conversions both ways.
macro_rules! stored_as_word {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident => $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_meta])* $variant),+ }

        impl $name {
            /// The word it is stored as.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::domain::UnknownWord;
            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::domain::UnknownWord),
                }
            }
        }
    };
}
pub(crate) use stored_as_word;

/// A stored word that none of the known values has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown word")]
pub struct UnknownWord;
