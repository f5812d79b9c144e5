mod access;
mod account;
mod imports;
mod public;
mod recipients;
mod reports;
mod session;
