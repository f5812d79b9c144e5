//! *Löschen nach Liste*: the dry run, the confirmation, and what is kept in between.

use std::fmt::Write;

use widerspruch::db::models::recipients;
use widerspruch::db::models::signups::{self, Wish};
use widerspruch::db::reports;
use widerspruch::domain::role::{Role, Roles};
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::Decision;
use widerspruch::erasure::list;

use super::{wait_until_clean, wait_until_over};
use crate::erasure::bytes::files_with;
use crate::support::agent::{Agent, Answer};
use crate::support::import::import;
use crate::support::{World, on_both};

const PATH: &str = "/empfaenger/loeschliste";

/// Pastes a list.
fn paste(agent: &Agent, text: &str) -> Answer {
    agent.upload(PATH, &[("adressen", text)], "", b"")
}

/// Presses *Löschen* on the page of the dry run.
fn confirm(agent: &Agent, dry_run: &Answer) -> Answer {
    let action = dry_run.attribute("form.confirm", "action");
    let made_at = dry_run.attribute("input[name=made_at]", "value");
    let (action, made_at) = (action.expect("a form"), made_at.expect("a time"));
    agent.post(&action, &[("made_at", &made_at)])
}

/// Follows a confirmed job to its receipt.
fn receipt(world: &World, agent: &Agent, confirmed: &Answer) -> Answer {
    wait_until_over(world);
    agent.visit(&confirmed.location().expect("a job or a receipt"))
}

/// Somebody who signed up and did not confirm it.
fn sign_up(world: &World, form: i64, address: &str) {
    let wish = Wish {
        address,
        address_key: address,
        first_name: "",
        last_name: "",
        key_hash: rand::random(),
        tracking_agreed: false,
        consent_wording: "Ja",
        tracking_wording: "",
        expires_at: Timestamp::now().plus_days(1),
    };
    world.write(|conn| signups::create(conn, world.account_id, form, &wish, Timestamp::now()));
}

on_both!(a_list_is_looked_up_and_then_deleted, |world| {
    let mailing = world.make_sent_mailing("Herbstbrief", 2);
    for name in ["anna", "ben", "clara"] {
        let id = world.make_recipient(&format!("{name}@example.org"));
        let key = world.deliver(mailing, id, Decision::Personal);
        world.visitor().get(&world.pixel(mailing, key));
    }
    let form = world.make_signup_form_with_group("Leserschaft");
    for address in ["anna@example.org", "dora@example.org", "eva@example.org"] {
        sign_up(world, form, address);
    }
    let figures = || world.read(|conn| reports::figures(conn, world.account_id, &[mailing]));
    let before = figures();
    let admin = world.admin();
    let list = "Anna Müller <ANNA@example.org>, ben@example.org; anna@example.org\n\
                fremd@example.org\nkaputt\ndora@example.org\n";
    let dry_run = paste(&admin, list);
    assert_eq!(dry_run.status, 200, "{}", dry_run.text());
    dry_run
        .assert_says("2 Empfänger, 2 Öffnungen, 0 Zahlen ändern sich")
        .assert_says("aus 1 E-Mailing")
        .assert_says("2 unbestätigte Anmeldungen werden gelöscht")
        .assert_says("1 Eintrag ist keine Adresse")
        .assert_says("In der Adresse fehlt das @-Zeichen.")
        .assert_says("fremd@example.org")
        .assert_says("Mehrfach genannt 1");
    assert_eq!(
        dry_run.all("tbody th"),
        ["3"],
        "the line of what is no address"
    );
    assert_eq!(
        world.rows("recipients", "1 = 1"),
        3,
        "nothing is deleted yet"
    );
    assert_eq!(world.rows("receipts", "1 = 1"), 0);
    assert_eq!(world.rows("job_items", "1 = 1"), 2);
    assert_eq!(world.rows("job_signups", "1 = 1"), 2);

    let receipt = receipt(world, &admin, &confirm(&admin, &dry_run));
    receipt
        .assert_says("Empfänger gelöscht 2")
        .assert_says("Unbestätigte Anmeldungen gelöscht 2")
        .assert_says("2 Öffnungen, 0 Klicks")
        .assert_silent_about("abweichend")
        .assert_silent_about("example.org");
    assert_eq!(figures(), before, "p5: no number changes");
    assert_eq!(world.rows("recipients", "address = 'clara@example.org'"), 1);
    assert_eq!(world.rows("recipients", "1 = 1"), 1);
    assert_eq!(world.rows("signups", "address = 'eva@example.org'"), 1);
    assert_eq!(world.rows("signups", "1 = 1"), 1);
    for table in ["job_items", "job_signups"] {
        assert_eq!(world.rows(table, "1 = 1"), 0, "{table}");
    }
    let log = admin.visit("/benutzerkonto/protokoll");
    log.assert_says("Löschen nach Liste")
        .assert_says("Anmeldungen: 2")
        .assert_silent_about("anna@");
    assert_eq!(world.rows("audit_log", "action = 'recipient_deleted'"), 2);
});

on_both!(p7_a_list_is_kept_nowhere, |world| {
    world.make_recipient("anna@example.org");
    let admin = world.admin();
    let file =
        "Name;E-Mail\nAnna;anna@example.org\nFritz;fritz@geheim.example\nKaputt;ganz-geheim\n";
    let dry_run = admin.upload(PATH, &[("adressen", " ")], "liste.csv", file.as_bytes());
    assert_eq!(dry_run.status, 200, "{}", dry_run.text());
    dry_run
        .assert_says("Gelesen wurde die Spalte „E-Mail“.")
        .assert_says("1 Empfänger")
        .assert_says("fritz@geheim.example")
        .assert_says("ganz-geheim");
    paste(
        &admin,
        "fritz@geheim.example, ganz-geheim, anna@example.org",
    );
    let stored = world.dump(&[]).join("\n");
    assert!(stored.contains("anna@example.org"), "the control");
    let dir = world.dir.path();
    for secret in ["fritz@geheim", "ganz-geheim"] {
        assert!(!stored.contains(secret), "{secret}");
        assert_eq!(files_with(dir, secret), [""; 0]);
    }
    let uploads = std::fs::read_dir(dir.join("imports")).expect("a directory");
    assert_eq!(uploads.count(), 0, "the file is gone");
});

on_both!(those_who_signed_up_only_are_deleted_too, |world| {
    sign_up(
        world,
        world.make_signup_form_with_group("Leserschaft"),
        "dora@example.org",
    );
    let admin = world.admin();
    let dry_run = paste(&admin, "dora@example.org");
    dry_run
        .assert_says("1 unbestätigte Anmeldung wird gelöscht")
        .assert_says("0 Empfänger");
    receipt(world, &admin, &confirm(&admin, &dry_run))
        .assert_says("Empfänger gelöscht 0")
        .assert_says("Unbestätigte Anmeldungen gelöscht 1");
    assert_eq!(world.rows("signups", "1 = 1"), 0);
});

on_both!(a_list_is_confirmed_once_by_whoever_checked_it, |world| {
    world.make_recipient("anna@example.org");
    let admin = world.admin();
    let dry_run = paste(&admin, "anna@example.org");
    world.make_user("b@example.org", Roles::NONE.with(Role::Recipients));
    world.make_account("Fremde AG", "fremd@example.com");
    for other in ["b@example.org", "fremd@example.com"] {
        let answer = confirm(&world.signed_in(other), &dry_run);
        assert_eq!(answer.status, 404, "{other}");
    }
    let draft = dry_run.attribute("form.confirm", "action").expect("a form");
    let number = draft.rsplit('/').next().expect("a number");
    assert_eq!(admin.get(&format!("/auftraege/{number}")).status, 404);
    assert_eq!(world.rows("recipients", "1 = 1"), 1);
    receipt(world, &admin, &confirm(&admin, &dry_run));
    assert_eq!(world.rows("recipients", "1 = 1"), 0);
    // Sent once more, it leads to what was done.
    let again = confirm(&admin, &dry_run);
    receipt(world, &admin, &again).assert_says("Empfänger gelöscht 1");
    assert_eq!(world.rows("receipts", "1 = 1"), 1);
});

on_both!(a_list_that_nobody_confirms_is_given_up, |world| {
    let anna = world.make_recipient("anna@example.org");
    sign_up(
        world,
        world.make_signup_form_with_group("Leserschaft"),
        "anna@example.org",
    );
    let admin = world.admin();
    let dry_run = paste(&admin, "anna@example.org");
    let later = Timestamp(Timestamp::now().millis() + 61 * 60_000);
    let (account, db) = (world.account_id, &world.state.db);
    let draft = dry_run.attribute("form.confirm", "action").expect("a form");
    let number = draft.rsplit('/').next().and_then(|n| n.parse().ok());
    let user = world.total("user_id", "jobs", "status = 'draft'");
    let late = db.write(|conn| {
        let actor = widerspruch::db::models::audit::Actor::Program("Test");
        list::confirm(
            conn,
            (account, user),
            number.expect("a number"),
            &actor,
            "",
            later,
        )
    });
    assert!(matches!(late, Err(widerspruch::db::DbError::NotFound)));
    list::give_up_old(db, Timestamp::now()).expect("the database is there");
    assert_eq!(world.rows("jobs", "1 = 1"), 1, "it is young");
    list::give_up_old(db, later).expect("the database is there");
    for table in ["jobs", "job_items", "job_signups", "receipts"] {
        assert_eq!(world.rows(table, "1 = 1"), 0, "{table}");
    }
    assert_eq!(world.rows("recipients", &format!("id = {anna}")), 1);
    let path = dry_run.attribute("form.confirm", "action").expect("a form");
    let answer = admin.submit(&path, &[("made_at", "1700000000000")]);
    answer.assert_says("Die Vorschau war älter als eine Stunde");
});

on_both!(another_accounts_recipients_are_not_found, |world| {
    world.make_recipient("anna@example.org");
    sign_up(
        world,
        world.make_signup_form_with_group("Leserschaft"),
        "dora@example.org",
    );
    world.make_account("Fremde AG", "fremd@example.com");
    let stranger = world.signed_in("fremd@example.com");
    let dry_run = paste(&stranger, "anna@example.org\ndora@example.org");
    dry_run
        .assert_says("Niemand zu löschen")
        .assert_says("Zu diesen 2 Adressen gibt es weder Empfänger noch Anmeldung.");
    assert_eq!(dry_run.attribute("form.confirm", "action"), None);
    assert_eq!(world.rows("jobs", "1 = 1"), 0, "nothing to confirm is kept");
});

on_both!(p7_what_an_import_refused_goes_with_a_list, |world| {
    let file = "E-Mail\nanna@example.org\nFritz <fritz@geheim.example>\n\
                Anton <anton@geheim.example>\n";
    let done = import(world, file, None);
    assert_eq!(done.refused, 2);
    let values = || world.dump(&[]).join("\n");
    assert!(values().contains("fritz@geheim.example"), "the control");
    world.make_account("Fremde AG", "fremd@example.com");
    paste(
        &world.signed_in("fremd@example.com"),
        "fritz@geheim.example",
    )
    .assert_says("Niemand zu löschen");

    let admin = world.admin();
    // An hour later nobody has confirmed it.
    paste(&admin, "fritz@geheim.example");
    assert_eq!(world.rows("job_refusals", "1 = 1"), 1);
    let later = Timestamp(Timestamp::now().millis() + 61 * 60_000);
    list::give_up_old(&world.state.db, later).expect("the database is there");
    assert_eq!(world.rows("job_refusals", "1 = 1"), 0);

    let dry_run = paste(&admin, "FRITZ@geheim.example, niemand@example.org");
    dry_run
        .assert_says("1 Zeile in Berichten von Importen wird geleert")
        .assert_says("Nicht gefunden 2");
    receipt(world, &admin, &confirm(&admin, &dry_run))
        .assert_says("Zeilen in Importberichten geleert 1")
        .assert_silent_about("geheim");
    assert!(!values().contains("fritz@geheim"), "it is gone");
    assert!(values().contains("anton@geheim.example"), "the other stays");
    assert_eq!(world.rows("job_refusals", "1 = 1"), 0);
    wait_until_clean(world);
    assert_eq!(files_with(world.dir.path(), "fritz@geheim"), [""; 0]);
    let log = admin.visit("/benutzerkonto/protokoll");
    log.assert_says("Zeilen in Importberichten: 1");
});

on_both!(what_is_wrong_with_a_list_is_said, |world| {
    let admin = world.admin();
    let form = admin.visit(PATH);
    for field in ["adressen", "datei"] {
        let hint = form.attribute(&format!("#{field}-hint"), "class");
        assert_eq!(hint.as_deref(), Some("field__hint"), "{field}");
    }
    let mut checked = 0;
    for (text, file, problem) in [
        (
            " \n",
            &b""[..],
            "Fügen Sie Adressen ein, oder wählen Sie eine Datei aus.",
        ),
        (
            "anna@example.org",
            b"ben@example.org",
            "Beides zugleich geht nicht.",
        ),
        ("", b"PK\x03\x04", "Das ist eine Excel-Arbeitsmappe."),
    ] {
        let answer = admin.upload(PATH, &[("adressen", text)], "liste.txt", file);
        assert_eq!(answer.status, 422, "{problem}");
        answer.assert_says(problem);
        assert_eq!(answer.all(".error-summary li").len(), 1);
        if text.contains('@') {
            assert_eq!(answer.all("#adressen"), [text], "the input is kept");
        }
        checked += 1;
    }
    assert_eq!(checked, 3);
    assert_eq!(world.rows("jobs", "1 = 1"), 0);
    for path in ["/empfaenger", "/empfaenger/loeschwuensche"] {
        let link = admin
            .visit(path)
            .attribute("a[href='/empfaenger/loeschliste']", "href");
        assert!(link.is_some(), "{path} leads there");
    }
});

on_both!(a_hundred_thousand_addresses_are_looked_up, |world| {
    let mut known = String::from("E-Mail\n");
    for n in 0..2_000 {
        writeln!(known, "person-{n}@example.org").expect("a text");
    }
    import(world, &known, None);
    let mut list = String::new();
    for n in 0..100_000 {
        // Those who are known stand everywhere in the list.
        let name = if n % 50 == 0 { n / 50 } else { n + 1_000_000 };
        writeln!(list, "person-{name}@example.org").expect("a text");
    }
    let admin = world.admin();
    let dry_run = admin.upload(PATH, &[], "liste.txt", list.as_bytes());
    dry_run
        .assert_says("2.000 Empfänger, 0 Öffnungen, 0 Zahlen ändern sich")
        .assert_says("Adressen in der Liste 100.000")
        .assert_says("Nicht gefunden 98.000")
        .assert_says("Gezeigt sind die ersten 50.");
    let confirmed = confirm(&admin, &dry_run);
    let job = confirmed.location().expect("a job");
    assert!(job.starts_with("/auftraege/"), "{job}: in the background");
    receipt(world, &admin, &confirmed).assert_says("Empfänger gelöscht 2.000");
    let left = world
        .read(|conn| recipients::find_by_address(conn, world.account_id, "person-7@example.org"));
    assert!(left.is_none());
    assert_eq!(world.rows("recipients", "1 = 1"), 0);
});

on_both!(
    a_letter_confirms_the_deletion_without_the_address,
    |world| {
        let anna = world.make_recipient("anna@example.org");
        let admin = world.admin();
        let receipt = admin.submit(&format!("/empfaenger/{anna}/loeschen"), &[]);
        let path = receipt
            .attribute("a[href$='/bestaetigung']", "href")
            .expect("the way to the letter");
        wait_until_clean(world);
        let letter = admin.visit(&path);
        letter
            .assert_says("Bestätigung der Löschung")
            .assert_says("Muster GmbH")
            .assert_says("Art. 17 DSGVO")
            .assert_says("Bereinigt sind auch die Dateien")
            .assert_says("verschlüsselte Prüfsumme")
            .assert_silent_about("anna@example.org");
        // The field for the address belongs to no form: nothing can send it.
        assert_eq!(letter.all("main textarea").len(), 1);
        assert_eq!(letter.all("main form").len(), 0);
        assert_eq!(letter.attribute("main textarea", "name"), None);
        let options = [("rest", "anonym")];
        admin.submit("/benutzerkonto/tracking/einstellungen", &options);
        admin.visit(&path).assert_silent_about("Prüfsumme");
        // Only of deletions.
        let ben = world.make_recipient("ben@example.org");
        let act = format!("/empfaenger/{ben}/tracking/pseudonymisieren");
        let other = admin.post(&act, &[]).location().expect("a receipt");
        let other = other.split('?').next().expect("a path").to_owned();
        assert!(other.starts_with("/belege/"), "{other}");
        assert_eq!(admin.get(&format!("{other}/bestaetigung")).status, 404);
    }
);
