mod locks;
mod schema;
mod search;
mod upgrade;
