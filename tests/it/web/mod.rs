mod access;
mod account;
mod session;
