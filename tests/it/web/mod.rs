mod access;
mod account;
mod public;
mod recipients;
mod reports;
mod session;
