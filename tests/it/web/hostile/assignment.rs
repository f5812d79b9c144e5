//! Fields that no form has: what a page does not ask for, nobody can set.

use widerspruch::domain::role::{Role, Roles};

use crate::mailings::group;
use crate::support::agent::Answer;
use crate::support::{World, on_both};

/// What a form sends.
type Fields<'a> = Vec<(&'a str, &'a str)>;

/// Columns, and words a program might bind by name: of another account, and better than one is.
fn extras(other_account: &str) -> Fields<'_> {
    let mut all = vec![("account_id", other_account), ("accountId", other_account)];
    all.extend([
        ("id", "4711"),
        ("user_id", "1"),
        ("roles", "1"),
        ("role", "admin"),
        ("rolle", "admin"),
        ("is_admin", "true"),
        ("admin", "1"),
        ("status", "sent"),
        ("tracking", "consented"),
        ("tracking_mode", "off"),
        ("unsubscribed", "true"),
        ("handed", "1000"),
        ("deliveries", "1000"),
        ("member_count", "1000"),
        ("recipient_count", "1000"),
        ("asks_consent", "true"),
        ("public_key", "0000"),
        ("password_hash", "x"),
        ("created_at", "0"),
        ("audit_years", "0"),
        ("_method", "delete"),
    ]);
    all
}

fn assert_made(answer: &Answer) {
    assert_eq!(answer.status, 303, "{}", answer.text());
}

fn with<'a>(own: &[(&'a str, &'a str)], extras: &Fields<'a>) -> Fields<'a> {
    own.iter().chain(extras).copied().collect()
}

/// How many rows of the account are as its forms make them.
fn own(world: &World, table: &str, condition: &str) -> i64 {
    let account = world.account_id;
    world.rows(
        table,
        &format!("account_id = {account} AND id <> 4711 AND {condition}"),
    )
}

on_both!(fields_that_no_form_has_change_nothing, |world| {
    let other = world
        .make_account("Fremde AG", "fremd@example.com")
        .to_string();
    let all = group(world, "Alle").to_string();
    let extras = extras(&other);
    let admin = world.admin();

    assert_made(&admin.post("/gruppen", &with(&[("name", "Neue")], &extras)));
    let untouched = "name = 'Neue' AND member_count = 0 AND NOT asks_consent";
    assert_eq!(own(world, "groups", untouched), 1);

    // The columns' names, but for those that the form itself has.
    let of_person: Fields = extras
        .iter()
        .filter(|(name, _)| *name != "tracking")
        .copied()
        .collect();
    let made = admin.post(
        "/empfaenger/neu",
        &with(&[("email", "neu@example.org")], &of_person),
    );
    assert_made(&made);
    let untouched = "status = 'active' AND tracking = 'unset' AND created_at > 0";
    assert_eq!(own(world, "recipients", untouched), 1);
    let person = made.location().expect("a page");
    let person = person.split('?').next().unwrap_or_default();
    let renamed = [("email", "anders@example.org"), ("vorname", "Anna")];
    assert_made(&admin.post(person, &with(&renamed, &extras)));
    assert_eq!(
        own(
            world,
            "recipients",
            &format!("{untouched} AND first_name = 'Anna'")
        ),
        1
    );

    let mailing = [
        ("subject", "Neu"),
        ("sender_address", "post@example.org"),
        ("html", "<p>Hallo</p>"),
        ("groups", &all),
    ];
    assert_made(&admin.post("/e-mailings", &with(&mailing, &extras)));
    assert_eq!(
        own(
            world,
            "mailings",
            "status = 'draft' AND handed = 0 AND deliveries = 0"
        ),
        1
    );

    assert_made(&admin.post("/benutzerkonto", &with(&[("name", "Muster")], &extras)));
    let account = world.account_id;
    let untouched = "tracking_mode = 'active' AND audit_years > 0 AND name = 'Muster'";
    assert_eq!(
        world.rows("accounts", &format!("id = {account} AND {untouched}")),
        1
    );

    for table in ["groups", "recipients", "mailings"] {
        assert_eq!(
            world.rows(table, &format!("account_id = {other}")),
            0,
            "{table}"
        );
    }
});

on_both!(nobody_gives_themselves_a_role, |world| {
    world.make_user("leser@example.org", Roles::NONE.with(Role::Reports));
    let reader = world.signed_in("leser@example.org");
    let other = world.account_id.to_string();
    let password = [
        ("current", crate::support::world::PASSWORD),
        ("new", "another battery staple"),
    ];
    assert_made(&reader.post("/benutzerkonto/passwort", &with(&password, &extras(&other))));
    let bits = Roles::NONE.with(Role::Reports).bits();
    let still = format!("email = 'leser@example.org' AND roles = {bits}");
    assert_eq!(world.rows("users", &still), 1);
    assert_eq!(reader.get("/empfaenger").status, 403);
});
