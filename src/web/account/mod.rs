//! *Benutzerkonto*, with the tabs *Kontodaten*, *Personenbez. Tracking*, *Versand*,
//! *Rückläufer*, *Benutzer*, *Schnittstelle*, *Protokoll*, *Passwort*,
//! *Zwei-Faktor-Anmeldung* and *Meine Anmeldungen*.

pub mod api_description;
pub mod api_keys;
pub mod asking;
pub mod bounces;
pub mod details;
pub mod log;
pub mod mode;
pub mod password;
pub mod refusals;
pub mod retention;
mod saving;
pub mod second_factor;
pub mod sending;
pub mod sign_ins;
pub mod signing;
pub mod tracking;
pub mod users;
pub mod webhooks;
pub mod work;
