//! How long a wish to sign up is kept, and what it goes with.

use widerspruch::domain::time::Timestamp;

use super::{Form, change, link, mails_to, newest_mail};
use crate::erasure::wait_until_clean;
use crate::support::{On, World, eventually, on_both};

on_both!(a_link_runs_out_and_a_newer_one_takes_its_place, |world| {
    let form = Form::new(world);
    let visitor = world.visitor();
    let old = form.ask(world, "anna@example.org", &[]);
    // Ten minutes later she asks again.
    change(world, "UPDATE signups SET created_at = created_at - 601000");
    let new = form.ask(world, "anna@example.org", &[("tracking", "ja")]);
    assert_ne!(old, new);
    assert_eq!(visitor.post(&old, &[]).status, 404);
    change(world, "UPDATE signups SET expires_at = 1");
    for answer in [visitor.get(&new), visitor.post(&new, &[])] {
        assert_eq!(answer.status, 404);
        answer.assert_says("abgelaufen");
    }
    assert_eq!(world.rows("recipients", "1 = 1"), 0);
    for damaged in ["x", "%00", &"A".repeat(22), &"A".repeat(400)] {
        let path = format!("/bestaetigen/{damaged}");
        assert!(matches!(visitor.get(&path).status, 400 | 404), "{path}");
        assert!(matches!(visitor.post(&path, &[]).status, 400 | 404));
    }
    // Housekeeping removes it, with its mails.
    let files = world
        .write(|conn| widerspruch::db::models::signups::remove_expired(conn, Timestamp::now()));
    assert_eq!(files.len(), 2);
    assert_eq!(world.rows("signups", "1 = 1"), 0);
    assert_eq!(world.rows("outbox_mails", "1 = 1"), 0);
});

on_both!(a_closed_or_deleted_form_takes_nobody, |world| {
    let form = Form::new(world);
    let admin = world.admin();
    let link = form.ask(world, "anna@example.org", &[]);
    let page = format!("/anmeldeformulare/{}", form.id);
    let group = form.group.to_string();
    let closed: Vec<_> = Form::typed(&group)
        .into_iter()
        .filter(|(name, _)| *name != "aktiv")
        .collect();
    admin.submit(&page, &closed).assert_says("Geschlossen");
    let stamp = form.stamp(world);
    let sent = [("email", "ben@example.org"), ("stempel", &stamp)];
    for answer in [
        world.visitor().get(&form.path),
        world.visitor().post(&form.path, &sent),
    ] {
        assert_eq!(answer.status, 404);
        answer.assert_says("nimmt keine Anmeldungen an");
    }
    // Who has asked before can still confirm.
    world.visitor().visit(&link);
    admin
        .visit(&format!("{page}/loeschen"))
        .assert_says("1 unbestätigte Anmeldung wird");
    admin
        .submit(&format!("{page}/loeschen"), &[])
        .assert_says("Formular gelöscht.");
    assert_eq!(world.visitor().get(&link).status, 404);
    assert_eq!(world.rows("signups", "1 = 1"), 0);
    let files = std::fs::read_dir(world.dir.path().join("outbox")).expect("a directory");
    assert_eq!(files.count(), 0);
});

on_both!(a_group_takes_its_forms_and_their_mails_along, |world| {
    let files = || {
        let entries = std::fs::read_dir(world.dir.path().join("outbox"));
        entries.expect("a directory").count()
    };
    let admin = world.admin();
    for act in ["aufloesen", "samt-empfaengern-loeschen"] {
        let form = Form::new(world);
        form.ask(world, "anna@example.org", &[]);
        assert_eq!(files(), 1, "the control");
        let page = format!("/gruppen/{}/{act}", form.group);
        let said = match act {
            "aufloesen" => "1 Anmeldeformular wird gelöscht",
            _ => "1 Anmeldeformular dieser Gruppe wird gelöscht",
        };
        admin.visit(&page).assert_says(said);
        admin.submit(&page, &[]);
        eventually(
            &format!("{act}: the group and its mails go"),
            || (world.rows("groups", "1 = 1"), files()),
            |left| *left == (0, 0),
        );
        assert_eq!(world.rows("signups", "1 = 1"), 0);
        assert_eq!(world.visitor().get(&form.path).status, 404);
    }
});

on_both!(p7_a_wish_to_sign_up_goes_with_the_recipient, |world| {
    let form = Form::new(world);
    let admin = world.admin();
    let address = "Anna.Altmann@Geheim.example.org";
    let anna = world.make_recipient("anna.altmann@geheim.example.org");
    form.ask(world, address, &[("vorname", "Anna")]);
    // Somebody else's wish stays.
    form.ask(world, "ben@example.org", &[]);
    let holds = |needle: &str| {
        let needle = needle.to_lowercase();
        let rows = world.dump(&[]);
        let in_tables = rows.iter().any(|row| row.to_lowercase().contains(&needle));
        let files = crate::erasure::bytes::files_with(world.dir.path(), &needle);
        (in_tables, !files.is_empty())
    };
    assert_eq!(holds(address), (true, true), "the control");
    admin.submit(&format!("/empfaenger/{anna}/loeschen"), &[]);
    wait_until_clean(world);
    assert_eq!(holds(address), (false, false));
    assert_eq!(world.rows("signups", "1 = 1"), 1);
    assert_eq!(mails_to(world, "ben@example.org").len(), 1);
});

on_both!(p7_consents_go_with_the_recipient, |world| {
    let form = Form::new(world);
    let anna = form.sign_up(world, "anna@example.org", &[("tracking", "ja")]);
    world
        .admin()
        .submit(&format!("/empfaenger/{}/loeschen", anna.id), &[]);
    assert_eq!(world.rows("consents", "1 = 1"), 0);
});

#[test]
fn a_mail_that_is_due_survives_a_restart() {
    let mut world = World::start(On::Sqlite);
    let form = Form::new(&world);
    let link_before = form.ask(&world, "anna@example.org", &[]);
    // As if the program had ended before the mail was out.
    change(
        &world,
        "DELETE FROM outbox_mails; UPDATE signups SET mail_due_at = 1",
    );
    world.restart();
    let link_after = link(&newest_mail(&world, "anna@example.org"));
    assert_eq!(link_after, link_before, "the same link");
    world
        .visitor()
        .submit(&link_after, &[])
        .assert_says("Ihre Anmeldung ist bestätigt.");
}
