mod access;
mod account;
mod recipients;
mod session;
