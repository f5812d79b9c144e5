//! `/api/v1`, the interface for programs, and *Benutzerkonto → Schnittstelle*.

mod access;
mod conditional;
mod description;
mod keys;
mod once;
mod reading;
mod recipients;
mod tracking;
