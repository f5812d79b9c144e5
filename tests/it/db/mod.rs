mod schema;
mod search;
mod upgrade;
