//! Where people see what came back.

use diesel::prelude::*;
use widerspruch::db::models::recipients;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::{Decision, RecipientStatus};

use crate::support::bounce::{complaint, failed};
use crate::support::on_both;

on_both!(the_report_and_the_recipient_say_what_came_back, |world| {
    let mailing = world.make_sent_mailing("Neues", 0);
    let people: Vec<i64> = ["anna", "ben", "cem", "dora"]
        .map(|name| world.make_recipient(&format!("{name}@example.org")))
        .to_vec();
    for person in &people {
        world.deliver(mailing, *person, Decision::Personal);
    }
    let path = |at: usize| world.return_path(mailing, people[at]);
    world.come_back(&failed(&path(0), "anna@example.org", "5.1.1"));
    world.come_back(&failed(&path(1), "ben@example.org", "4.2.2"));
    world.come_back(&complaint(&path(2), "cem@example.org"));

    let admin = world.admin();
    admin
        .visit(&format!("/analysen/{mailing}"))
        .assert_says(
            "Rücklaufquote 50,0 % 1 dauerhaft, 1 vorübergehend, bezogen auf 4 versendete E-Mails",
        )
        .assert_says("Beschwerdequote 25,0 % 1 als Spam gemeldet, bezogen auf 4 versendete E-Mails")
        .assert_says("Dauerhaft unzustellbar 1");
    let file = admin
        .visit(&format!("/analysen/{mailing}/kennzahlen.csv"))
        .rows();
    for line in [
        "Gesamt;Neues;Unzustellbar, dauerhaft;1",
        "Gesamt;Neues;Unzustellbar, vorübergehend;1",
        "Gesamt;Neues;Beschwerden;1",
        "Gesamt;Neues;Rücklaufquote;50,0 %",
        "Gesamt;Neues;Beschwerdequote;25,0 %",
    ] {
        assert!(file.contains(line), "{line} in {file}");
    }

    let activity = format!("/analysen/{mailing}/aktivitaet");
    admin
        .visit(&activity)
        .assert_says("anna@example.org dauerhaft unzustellbar")
        .assert_says("ben@example.org vorübergehend unzustellbar")
        .assert_says("cem@example.org als Spam gemeldet");
    let came_back = admin.visit(&format!("{activity}?aktivitaet=zurueck"));
    came_back
        .assert_says("2 Empfänger")
        .assert_silent_about("cem@example.org");
    let file = admin.visit(&format!("{activity}.csv")).rows();
    assert!(
        file.contains("anna@example.org;;personenbezogen;0;;0;;dauerhaft unzustellbar"),
        "{file}"
    );

    admin
        .visit(&format!("/empfaenger/{}", people[0]))
        .assert_says("(dauerhaft, 5.1.1)");
    admin
        .visit(&format!("/empfaenger/{}/verlauf", people[0]))
        .assert_says("dauerhaft unzustellbar, 5.1.1");
    admin
        .visit(&format!("/empfaenger/{}", people[1]))
        .assert_says("Zuletzt kam 1 E-Mail vorübergehend zurück.");
    let tab = admin.visit("/benutzerkonto/ruecklaeufer");
    assert_eq!(
        tab.all(".figure__value"),
        ["4", "1", "1", "1"],
        "sent, for good, for now, as spam"
    );
    tab.assert_says("25,0 % der E-Mails")
        .assert_says("Zurzeit unzustellbar: 1 Empfänger");
    let list = tab.attribute("a[href^='/empfaenger?status']", "href");
    let list = admin.visit(&list.expect("a link to them"));
    list.assert_says("anna@example.org")
        .assert_silent_about("ben@example.org");
});

on_both!(the_tab_counts_of_one_account_and_of_a_year, |world| {
    let admin = world.admin();
    let tab = "/benutzerkonto/ruecklaeufer";
    assert!(
        admin.visit(tab).all(".figure").is_empty(),
        "nothing was sent"
    );
    let anna = world.make_recipient("anna@example.org");
    let long_ago = Timestamp::now().plus_months(-13).millis();
    for (subject, begun) in [("Neues", None), ("Altes", Some(long_ago))] {
        let mailing = world.make_sent_mailing(subject, 0);
        world.deliver(mailing, anna, Decision::Personal);
        let path = world.return_path(mailing, anna);
        world.come_back(&failed(&path, "anna@example.org", "4.2.2"));
        if let Some(begun) = begun {
            let aged =
                format!("UPDATE mailings SET send_started_at = {begun} WHERE id = {mailing}");
            world.write(|conn| {
                diesel::sql_query(&aged).execute(conn)?;
                Ok(())
            });
        }
    }
    let page = admin.visit(tab);
    assert_eq!(page.all(".figure__value"), ["1", "0", "1", "0"]);
    page.assert_says("Alle Adressen gelten als zustellbar.");
    world.make_account("Andere GmbH", "andere@example.org");
    let other = world.signed_in("andere@example.org");
    assert!(other.visit(tab).all(".figure").is_empty());
});

on_both!(an_administrator_lets_mails_go_there_again, |world| {
    let anna = world.make_recipient("anna@example.org");
    let admin = world.admin();
    admin.submit("/benutzerkonto/ruecklaeufer/grenze", &[("limit", "1")]);
    let mailing = world.make_sent_mailing("Neues", 0);
    world.deliver(mailing, anna, Decision::Personal);
    world.come_back(&failed(
        &world.return_path(mailing, anna),
        "anna@example.org",
        "4.2.2",
    ));
    let page = admin.visit(&format!("/empfaenger/{anna}"));
    page.assert_says("(nach 1 vorübergehenden Rückläufer, 4.2.2)");
    assert!(
        page.all("form button")
            .contains(&"Wieder zustellen".to_owned())
    );
    admin
        .submit(&format!("/empfaenger/{anna}/wieder-zustellen"), &[])
        .assert_says("Wieder zustellbar.");
    let person = world.read(|conn| recipients::find(conn, world.account_id, anna));
    assert_eq!(
        (person.status, person.soft_bounces),
        (RecipientStatus::Active, 0)
    );
    assert_eq!(
        world.rows(
            "audit_log",
            "action = 'recipient_reactivated' AND actor = 'Eva Admin'"
        ),
        1
    );
});

on_both!(the_limit_is_a_small_number, |world| {
    let admin = world.admin();
    for wrong in ["0", "21", "-1", "drei", ""] {
        let answer = admin.post("/benutzerkonto/ruecklaeufer/grenze", &[("limit", wrong)]);
        assert_eq!(answer.status, 422, "{wrong}");
        answer.assert_says("Geben Sie eine Zahl von 1 bis 20 ein.");
        assert_eq!(answer.attribute("#limit", "value").as_deref(), Some(wrong));
    }
    let page = admin.submit("/benutzerkonto/ruecklaeufer/grenze", &[("limit", "5")]);
    assert_eq!(page.attribute("#limit", "value").as_deref(), Some("5"));
});

on_both!(a_mailbox_is_checked_as_it_is_typed, |world| {
    let admin = world.admin();
    let page = admin.visit("/benutzerkonto/ruecklaeufer");
    page.assert_says("Es ist noch kein Postfach eingerichtet.");
    let typed = [
        ("host", "imap://mail.example/"),
        ("encryption", "x"),
        ("port", "70000"),
        ("username", ""),
        ("folder", "INBOX"),
        ("password", "streng-geheim"),
    ];
    let answer = admin.post("/benutzerkonto/ruecklaeufer", &typed);
    assert_eq!(answer.status, 422);
    answer
        .assert_says("Geben Sie nur den Namen des Servers ein")
        .assert_says("Wählen Sie eine Verschlüsselung.")
        .assert_says("Der Port ist eine Zahl von 1 bis 65535.")
        .assert_says("Geben Sie den Benutzernamen ein.")
        .assert_silent_about("streng-geheim");
    assert_eq!(answer.attribute("#port", "value").as_deref(), Some("70000"));
    assert_eq!(world.rows("bounce_mailboxes", "1 = 1"), 0);

    let right = [
        ("host", "mail.invalid"),
        ("encryption", "tls"),
        ("port", "993"),
        ("username", "rueck"),
        ("folder", "Rückläufer"),
        ("password", "streng-geheim"),
        ("active", "ja"),
    ];
    admin
        .submit("/benutzerkonto/ruecklaeufer", &right)
        .assert_says("Gespeichert.")
        .assert_says("Ordner Rückläufer")
        .assert_silent_about("streng-geheim");
    assert!(
        world
            .dump(&[])
            .iter()
            .all(|row| !row.contains("streng-geheim")),
        "the password is sealed"
    );
    // Another user's password is not sent to this one's mailbox.
    let other: Vec<_> = right
        .iter()
        .map(|(name, value)| match *name {
            "username" => (*name, "jemand"),
            "password" => (*name, ""),
            _ => (*name, *value),
        })
        .collect();
    let answer = admin.post("/benutzerkonto/ruecklaeufer", &other);
    assert_eq!(answer.status, 422);
    answer.assert_says("Geben Sie das Passwort für das Postfach ein.");
    let same: Vec<_> = right
        .iter()
        .copied()
        .filter(|(name, _)| *name != "password")
        .collect();
    admin.submit("/benutzerkonto/ruecklaeufer", &same);
    assert_eq!(world.rows("bounce_mailboxes", "password IS NOT NULL"), 1);

    admin
        .submit("/benutzerkonto/ruecklaeufer", &[("host", "")])
        .assert_says("Es ist noch kein Postfach eingerichtet.");
    assert_eq!(world.rows("bounce_mailboxes", "1 = 1"), 0);
    assert_eq!(
        world.rows("audit_log", "action = 'bounce_mailbox_changed'"),
        3
    );
});
