//! *Benutzerkonto*, with the tabs *Kontodaten*, *Personenbez. Tracking* and *Passwort*.

pub mod details;
pub mod password;
pub mod tracking;
