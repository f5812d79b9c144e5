//! `/api/v1`, the interface for programs, and *Benutzerkonto → Schnittstelle*.

mod access;
mod keys;
