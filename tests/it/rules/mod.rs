//! The rules that concern the whole program, not one part of it.

mod p8;
pub mod tokens;
