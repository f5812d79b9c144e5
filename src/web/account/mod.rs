//! *Benutzerkonto*, with the tabs *Kontodaten*, *Personenbez. Tracking*, *Versand* and *Passwort*.

pub mod details;
pub mod password;
pub mod sending;
pub mod signing;
pub mod tracking;
