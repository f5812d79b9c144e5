//! The three documented procedures of the product.

use crate::person::Person;
use crate::support::{On, World};

/// Walks a procedure with and without JavaScript on one database.
fn walk(on: On, procedure: impl AsyncFn(&World, bool)) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    for javascript in [true, false] {
        let world = World::start(on);
        runtime.block_on(procedure(&world, javascript));
    }
}

/// 1. Switch personal tracking off for the whole account.
async fn procedure_1(world: &World, javascript: bool) {
    let person = Person::sign_in(world, javascript).await;
    person.follow("Benutzerkonto").await;
    person.follow("Personenbez. Tracking").await;
    person.press("Tracking deaktivieren").await;
    person.sees("Deaktiviert").await;
    person.sees("durch Eva Admin").await;
    assert!(person.has_button("Tracking aktivieren").await);
    assert!(!person.has_button("Tracking deaktivieren").await);
    person.leave().await;
}

#[test]
fn procedure_1_on_sqlite() {
    walk(On::Sqlite, procedure_1);
}

#[test]
fn procedure_1_on_postgres() {
    walk(On::Postgres, procedure_1);
}
