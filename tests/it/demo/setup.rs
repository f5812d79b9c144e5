//! *Mit Beispieldaten starten* at *Ersteinrichtung*.

use widerspruch::demo;

use crate::support::{On, World, eventually};

fn walk(on: On) {
    let world = World::start_empty(on);
    let key = world.state.setup_key.lock().clone().expect("a link");
    let visitor = world.visitor();
    visitor
        .visit(&format!("/einrichtung/{key}"))
        .assert_says("Mit Beispieldaten starten");

    let wrong = visitor.post("/einrichtung/wrong/beispiel", &[]);
    assert_eq!(wrong.status, 404);
    let page = visitor.submit(&format!("/einrichtung/{key}/beispiel"), &[]);
    page.assert_says("Ihr Beispielkonto")
        .assert_says(demo::EMAIL);
    let password = page.all("dd code").pop().expect("a password");

    // The link worked once.
    let again = world
        .visitor()
        .post(&format!("/einrichtung/{key}/beispiel"), &[]);
    assert_eq!(again.status, 404);
    // Who is not signed in does not see the password.
    assert_eq!(world.visitor().get("/beispielkonto").status, 303);

    let look = || {
        let progress = visitor.get("/beispielkonto/stand");
        (progress.header("X-Fertig").is_some(), progress.text())
    };
    eventually("it is made", look, |(is_done, _)| *is_done);
    visitor
        .visit("/beispielkonto")
        .assert_says("Fertig")
        .assert_says("Zu den Analysen");
    visitor.visit("/analysen").assert_says("Presseeinladung");
    let receipts = visitor.visit("/belege");
    let receipt = receipts
        .attribute("a[href^='/belege/']", "href")
        .expect("a receipt");
    visitor
        .visit(&receipt)
        .assert_says("alle 15 Kennzahlen gleich");
    visitor.visit("/postausgang").assert_says("Presseeinladung");
    visitor.visit("/e-mailings").assert_says("Lesekreis");

    let other = world.visitor();
    other
        .submit(
            "/anmelden",
            &[("email", demo::EMAIL), ("password", &password)],
        )
        .assert_says("Newsletter");
}

#[test]
fn it_makes_an_account_and_says_how_to_sign_in_on_sqlite() {
    walk(On::Sqlite);
}

#[test]
fn it_makes_an_account_and_says_how_to_sign_in_on_postgres() {
    walk(On::Postgres);
}
