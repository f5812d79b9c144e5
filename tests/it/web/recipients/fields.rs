//! *Felder zusammenführen*, and imports that meet fields written in another way.

use serde_json::{Value, json};
use widerspruch::db::models::recipients;
use widerspruch::domain::role::{Role, Roles};

use super::add;
use crate::support::import::import;
use crate::support::{World, on_both};

fn set_fields(world: &World, id: i64, fields: &Value) {
    world.execute(&format!(
        "UPDATE recipients SET fields = '{fields}' WHERE id = {id}"
    ));
}

fn fields_of(world: &World, account_id: i64, id: i64) -> Value {
    let found = world.read(|conn| recipients::find(conn, account_id, id));
    serde_json::from_str(&found.fields).expect("an object")
}

on_both!(a_column_meets_a_field_whatever_its_case, |world| {
    let of = |address: &str| add(world, world.account_id, address, "", "");
    let [anna, ben, cora] = ["anna@example.org", "ben@example.org", "cora@example.org"].map(of);
    set_fields(world, anna, &json!({"Ort": "Köln", "GRU\u{308}ßE": "M"}));
    set_fields(world, ben, &json!({"Ort": "Bonn", "ORT": "Ulm"}));
    set_fields(world, cora, &json!({"ort": "Trier"}));
    let done = import(
        world,
        "E-Mail;ORT;Grüße;Neu\n\
         anna@example.org;Neuss;L;1\n\
         ben@example.org;Jena;;2\n\
         cora@example.org;Hof;;3\n\
         dora@example.org;Kiel;S;4\n",
        None,
    );
    assert_eq!((done.added, done.updated), (1, 3));
    let of = |id| fields_of(world, world.account_id, id);
    assert_eq!(
        of(anna),
        json!({"Ort": "Neuss", "GRU\u{308}ßE": "L", "neu": "1"})
    );
    assert_eq!(of(cora), json!({"ort": "Hof", "neu": "3"}));
    assert_eq!(of(ben)["neu"], "2");
    assert_eq!(of(ben).as_object().map(serde_json::Map::len), Some(3));
    let dora =
        world.read(|conn| recipients::find_by_address(conn, world.account_id, "dora@example.org"));
    // The account has "Ort" most often; "ort" is how the column is called.
    assert_eq!(
        of(dora.expect("Dora").id),
        json!({"ort": "Kiel", "GRU\u{308}ßE": "S", "neu": "4"})
    );
});

on_both!(doubled_fields_are_merged_by_an_administrator, |world| {
    let of = |address: &str| add(world, world.account_id, address, "", "");
    let [anna, ben, cora, dora] = [
        "anna@example.org",
        "ben@example.org",
        "cora@example.org",
        "dora@example.org",
    ]
    .map(of);
    set_fields(
        world,
        anna,
        &json!({"Ort": "Köln", "ort": "Bonn", "plz": "5"}),
    );
    set_fields(world, ben, &json!({"Ort": "Ulm"}));
    set_fields(world, cora, &json!({"ort": "Kiel", "ORT": "Kiel"}));
    set_fields(world, dora, &json!({"plz": "\"Ort\": x"}));
    let other = world.make_account("Andere GmbH", "andere@example.org");
    let eve = add(world, other, "eve@example.org", "", "");
    set_fields(world, eve, &json!({"Ort": "Hof", "ort": "Hof"}));
    let admin = world.admin();
    admin
        .visit("/empfaenger/felder")
        .assert_says("1 Empfänger hat darin verschiedene Werte")
        .assert_says("„Köln“")
        .assert_says("„Bonn“")
        .assert_silent_about("Hof");
    assert_eq!(admin.post("/empfaenger/felder", &[]).status, 422);
    let unknown = admin.post("/empfaenger/felder", &[("behalten", "plz")]);
    assert_eq!(unknown.status, 422);
    unknown.assert_says("kein zweites");
    let page = admin.submit("/empfaenger/felder", &[("behalten", "ort")]);
    page.assert_says("Felder zusammengeführt.")
        .assert_says("Kein Feld ist doppelt");
    let of = |id| fields_of(world, world.account_id, id);
    assert_eq!(of(anna), json!({"ort": "Bonn", "plz": "5"}));
    assert_eq!(of(ben), json!({"ort": "Ulm"}));
    assert_eq!(of(cora), json!({"ort": "Kiel"}));
    assert_eq!(of(dora), json!({"plz": "\"Ort\": x"}));
    let hers = fields_of(world, other, eve);
    assert_eq!(
        hers,
        json!({"Ort": "Hof", "ort": "Hof"}),
        "of another account"
    );
    let logged = format!(
        "action = 'fields_merged' AND actor = 'Eva Admin' AND account_id = {}",
        world.account_id
    );
    assert_eq!(world.rows("audit_log", &logged), 1);
    admin
        .visit("/benutzerkonto/protokoll")
        .assert_says("Felder zusammengeführt");
    world.make_user("maria@example.org", Roles::NONE.with(Role::Recipients));
    let user = world.signed_in("maria@example.org");
    assert_eq!(user.get("/empfaenger/felder").status, 403);
    let refused = user.post("/empfaenger/felder", &[("behalten", "ort")]);
    assert_eq!(refused.status, 403);
});
