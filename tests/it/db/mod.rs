mod schema;
mod search;
