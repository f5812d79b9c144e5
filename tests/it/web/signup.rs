//! Signing up: the form, the mail, the confirmation, the evidence; and what strangers can't do with
//! it.

use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use widerspruch::db::models::audit::Actor;
use widerspruch::db::models::recipients::{self, Recipient};
use widerspruch::db::models::{groups, signup_forms};
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::{
    Decision, RecipientStatus, RecipientTracking, TrackingMode, TrackingSource,
};
use widerspruch::mail::read::{ReadMail, read};
use widerspruch::signup::{decode, stamp};
use widerspruch::tracking::settings;

use crate::support::agent::Answer;
use crate::support::python::SmtpServer;
use crate::support::{On, World, on_both};

/// A form of the world's account, made as an administrator makes it.
struct Form {
    id: i64,
    group: i64,
    /// The path where people sign up.
    path: String,
}

impl Form {
    fn new(world: &World) -> Self {
        let admin = world.admin();
        let now = Timestamp::now();
        let group = world.write(|conn| groups::create(conn, world.account_id, "Leserschaft", now));
        let made = admin.post("/anmeldeformulare", &Self::typed(&group.to_string()));
        assert_eq!(made.status, 303, "{}", made.text());
        let location = made.location().expect("the form's page");
        let page = admin.visit(&location);
        let address = page
            .attribute("a[href*='/formular/']", "href")
            .expect("the address");
        let path = address[address.find("/formular/").expect("a path")..].to_owned();
        let id = location.split(['/', '?']).nth(2).expect("a number");
        Self {
            id: id.parse().expect("a number"),
            group,
            path,
        }
    }

    fn typed(group: &str) -> [(&str, &str); 10] {
        [
            ("name", "Website unten"),
            ("gruppe", group),
            ("titel", "Gartenbrief"),
            ("einleitung", "Einmal im Monat.\r\nKostenlos."),
            (
                "einwilligung",
                "Muster GmbH darf mir den Gartenbrief senden.",
            ),
            ("tracking", "Muster GmbH darf auswerten, was ich anklicke."),
            ("absendername", "Muster GmbH"),
            ("absender", "garten@example.org"),
            ("gueltig", "48"),
            ("aktiv", "ja"),
        ]
    }

    /// A stamp of somebody who took the time to fill the form in.
    fn stamp(&self, world: &World) -> String {
        let opened = Timestamp::now().plus_millis(-stamp::LEAST);
        self.stamp_of(world, opened)
    }

    fn stamp_of(&self, world: &World, opened: Timestamp) -> String {
        let key = decode(self.path.rsplit('/').next().unwrap_or_default()).expect("a key");
        world.state.stamps.issue(&key, opened)
    }

    fn send(&self, world: &World, address: &str, more: &[(&str, &str)]) -> Answer {
        let stamp = self.stamp(world);
        let mut form = vec![("email", address), ("stempel", &stamp)];
        form.extend_from_slice(more);
        let answer = world.visitor().post(&self.path, &form);
        assert_eq!(answer.status, 303, "{}", answer.text());
        answer
    }

    /// Signs up and gives the path of the link in the mail.
    fn ask(&self, world: &World, address: &str, more: &[(&str, &str)]) -> String {
        self.send(world, address, more);
        link(&newest_mail(world, address))
    }

    /// Signs up and confirms.
    fn sign_up(&self, world: &World, address: &str, more: &[(&str, &str)]) -> Recipient {
        let link = self.ask(world, address, more);
        let visitor = world.visitor();
        visitor
            .submit(&link, &[])
            .assert_says("Ihre Anmeldung ist bestätigt.");
        find(world, address)
    }
}

fn find(world: &World, address: &str) -> Recipient {
    world
        .read(|conn| recipients::find_by_address(conn, world.account_id, address))
        .expect("a recipient")
}

/// All mails that were written to an address, oldest first, once none is due any more.
fn mails_to(world: &World, address: &str) -> Vec<ReadMail> {
    let patience = Instant::now() + Duration::from_secs(30);
    while world.rows("signups", "mail_due_at IS NOT NULL") > 0 {
        assert!(Instant::now() < patience, "the mails go out");
        std::thread::sleep(Duration::from_millis(10));
    }
    let admin = world.admin();
    let list = admin.visit("/postausgang").html();
    let mut paths: Vec<&str> = list
        .split("href=\"")
        .filter_map(|rest| rest.split_once('"').map(|(path, _)| path))
        .filter(|path| path.starts_with("/postausgang/") && !path.ends_with("leeren"))
        .collect();
    paths.reverse();
    paths
        .into_iter()
        .map(|path| read(&admin.get(&format!("{path}/datei.eml")).body).expect("a mail"))
        .filter(|mail| mail.to.to_lowercase().contains(&address.to_lowercase()))
        .collect()
}

fn newest_mail(world: &World, address: &str) -> ReadMail {
    mails_to(world, address).pop().expect("a mail")
}

/// The path of the one link in a mail that asks for confirmation.
fn link(mail: &ReadMail) -> String {
    let text = mail.text.as_deref().expect("text");
    let at = text.find("/bestaetigen/").expect("a link");
    text[at..]
        .split_whitespace()
        .next()
        .expect("a path")
        .to_owned()
}

fn change(world: &World, statement: &str) {
    world.write(|conn| conn.batch_execute(statement).map_err(Into::into));
}

on_both!(a_person_signs_up_and_confirms, |world| {
    let form = Form::new(world);
    let visitor = world.visitor();
    let page = visitor.visit(&form.path);
    page.assert_says("Gartenbrief")
        .assert_says("Kostenlos.")
        .assert_says("Muster GmbH darf mir den Gartenbrief senden.")
        .assert_says("Muster GmbH darf auswerten, was ich anklicke.");
    assert!(
        page.attribute("#tracking", "checked").is_none(),
        "never ticked beforehand"
    );

    let before = Timestamp::now().millis();
    let answer = form.send(
        world,
        "Anna@Example.org",
        &[
            ("vorname", "Anna"),
            ("nachname", "Müller"),
            ("tracking", "ja"),
        ],
    );
    visitor
        .visit(&answer.location().expect("a page"))
        .assert_says("Fast geschafft.")
        .assert_silent_about("xample.org");
    assert_eq!(world.rows("recipients", "1 = 1"), 0, "not yet");

    let mail = newest_mail(world, "Anna@Example.org");
    assert_eq!(mail.from, "Muster GmbH <garten@example.org>");
    assert_eq!(mail.html, None, "no HTML, no pixel");
    let text = mail.text.clone().expect("text");
    for words in ["Muster GmbH darf mir", "darf auswerten", "48 Stunden"] {
        assert!(text.contains(words), "{words} in {text}");
    }
    for never in ["Anna Müller", "/o/", "/k/"] {
        assert!(!text.contains(never), "{never} in {text}");
    }

    // Looking changes nothing, however often.
    let link = link(&mail);
    let unchanged = world.dump(&["sessions"]);
    for _ in 0..3 {
        visitor
            .visit(&link)
            .assert_says("A…@Example.org")
            .assert_says("Anmeldung bestätigen")
            .assert_silent_about("Anna@");
    }
    assert_eq!(world.dump(&["sessions"]), unchanged);

    let done = visitor.submit(&link, &[]);
    done.assert_says("Ihre Anmeldung ist bestätigt.")
        .assert_says("Leserschaft");
    let anna = find(world, "anna@example.org");
    assert_eq!(anna.address, "Anna@Example.org");
    assert_eq!((&*anna.first_name, &*anna.last_name), ("Anna", "Müller"));
    assert_eq!(anna.status, RecipientStatus::Active);
    assert_eq!(anna.status_source, Some(TrackingSource::Form));
    assert_eq!(anna.tracking, RecipientTracking::Consented);
    assert_eq!(anna.tracking_source, Some(TrackingSource::Form));
    assert_eq!(
        world.rows("memberships", &format!("group_id = {}", form.group)),
        1
    );

    // The evidence: what, where, when asked, when given, and nothing else.
    for (kind, wording) in [
        (
            "subscription",
            "Muster GmbH darf mir den Gartenbrief senden.",
        ),
        ("tracking", "Muster GmbH darf auswerten, was ich anklicke."),
    ] {
        let kept = format!(
            "kind = '{kind}' AND wording = '{wording}' AND form_name = 'Website unten'
             AND asked_at >= {before} AND given_at >= asked_at"
        );
        assert_eq!(world.rows("consents", &kept), 1, "{kind}");
    }
    assert_eq!(world.rows("consents", "1 = 1"), 2);
    let admin = world.admin();
    admin
        .visit(&format!("/empfaenger/{}", anna.id))
        .assert_says("durch ein Anmeldeformular")
        .assert_says("Nachweise der Einwilligung")
        .assert_says("Website unten");
    assert_eq!(
        world.rows(
            "audit_log",
            "action = 'signup_confirmed' AND actor = 'Empfänger selbst'"
        ),
        1
    );

    // Once, and nothing of it is left.
    for answer in [visitor.get(&link), visitor.post(&link, &[])] {
        assert_eq!(answer.status, 404);
        answer.assert_says("Dieser Link gilt nicht mehr");
    }
    assert_eq!(world.rows("signups", "1 = 1"), 0);
    assert_eq!(world.rows("outbox_mails", "1 = 1"), 0);
    let files = std::fs::read_dir(world.dir.path().join("outbox")).expect("a directory");
    assert_eq!(files.count(), 0);
});

on_both!(whoever_leaves_the_box_empty_is_not_tracked, |world| {
    let form = Form::new(world);
    let link = form.ask(world, "anna@example.org", &[]);
    world
        .visitor()
        .visit(&link)
        .assert_says("wird nicht personenbezogen erfasst")
        .assert_silent_about("darf auswerten");
    world.visitor().submit(&link, &[]);
    let anna = find(world, "anna@example.org");
    assert_eq!(anna.tracking, RecipientTracking::Objected);
    assert_eq!(anna.tracking_source, Some(TrackingSource::Form));
    assert_eq!(world.rows("consents", "kind = 'tracking'"), 0);
    // Whoever lifts that needs a reason: it was the person's own choice.
    let lift = format!("/empfaenger/{}/tracking/aufheben", anna.id);
    assert_eq!(world.admin().post(&lift, &[]).status, 422);

    // Somebody known who has said nothing was asked now, and did not agree.
    let ben = world.make_recipient("ben@example.org");
    let ben_then = form.sign_up(world, "ben@example.org", &[]);
    assert_eq!(ben_then.id, ben);
    assert_eq!(ben_then.tracking, RecipientTracking::Objected);

    // A consent that was given before stays: an empty box takes nothing back.
    let eve = form.sign_up(world, "eve@example.org", &[("tracking", "ja")]);
    assert_eq!(eve.tracking, RecipientTracking::Consented);
    change(world, "DELETE FROM memberships");
    let eve = form.sign_up(world, "eve@example.org", &[]);
    assert_eq!(eve.tracking, RecipientTracking::Consented);
});

on_both!(nobody_is_asked_for_what_is_switched_off, |world| {
    let form = Form::new(world);
    world.write(|conn| {
        let (actor, now) = (Actor::Program("test"), Timestamp::now());
        settings::set_account_mode(conn, world.account_id, TrackingMode::Off, &actor, now)
    });
    world
        .visitor()
        .visit(&form.path)
        .assert_silent_about("darf auswerten");
    let anna = form.sign_up(world, "anna@example.org", &[("tracking", "ja")]);
    assert_eq!(anna.tracking, RecipientTracking::Unset);
    assert_eq!(world.rows("consents", "kind = 'tracking'"), 0);
});

on_both!(signing_up_again_is_the_persons_own_act, |world| {
    let form = Form::new(world);
    let admin = world.admin();
    // Objected and unsubscribed, then deleted: both are remembered.
    let first = form.sign_up(world, "anna@example.org", &[]);
    admin.submit(&format!("/empfaenger/{}/abmelden", first.id), &[]);
    admin.submit(&format!("/empfaenger/{}/loeschen", first.id), &[]);
    assert_eq!(world.rows("objections", "1 = 1"), 2);

    // It ends the unsubscription; the objection stays unless the box is ticked.
    let second = form.sign_up(world, "anna@example.org", &[]);
    assert_ne!(second.id, first.id);
    assert_eq!(second.status, RecipientStatus::Active);
    assert_eq!(second.status_source, Some(TrackingSource::Form));
    assert_eq!(second.tracking, RecipientTracking::Objected);
    assert_eq!(second.tracking_source, Some(TrackingSource::Remembered));
    assert_eq!(world.rows("objections", "kind = 'unsubscription'"), 0);
    assert_eq!(world.rows("objections", "kind = 'objection'"), 1);

    admin.submit(&format!("/empfaenger/{}/abmelden", second.id), &[]);
    let third = form.sign_up(world, "anna@example.org", &[("tracking", "ja")]);
    assert_eq!(third.id, second.id);
    assert_eq!(third.status, RecipientStatus::Active);
    assert_eq!(third.tracking, RecipientTracking::Consented);
    assert_eq!(world.rows("objections", "1 = 1"), 0);
});

/// What a stranger sees of one signing up.
fn seen(form: &Form, world: &World, address: &str) -> (u16, Option<String>, String) {
    let answer = form.send(world, address, &[]);
    let location = answer.location();
    let page = world
        .visitor()
        .visit(location.as_deref().unwrap_or_default());
    (answer.status, location, page.html())
}

on_both!(nobody_learns_who_is_a_recipient, |world| {
    let form = Form::new(world);
    let known = form.sign_up(world, "known@example.org", &[]);
    let objected = world.make_recipient("gone@example.org");
    world
        .admin()
        .submit(&format!("/empfaenger/{objected}/abmelden"), &[]);
    let before = world.rows("recipients", "1 = 1");
    let unknown = seen(&form, world, "stranger@example.org");
    for address in ["known@example.org", "gone@example.org"] {
        assert_eq!(seen(&form, world, address), unknown, "{address}");
    }
    // A second time, at once: the same too.
    assert_eq!(seen(&form, world, "known@example.org"), unknown);
    assert_eq!(world.rows("recipients", "1 = 1"), before);

    // Only the mail says it, to whoever reads that mailbox.
    let mail = newest_mail(world, "known@example.org");
    let text = mail.text.expect("text");
    assert!(text.contains("schon angemeldet"), "{text}");
    assert!(!text.contains("/bestaetigen/"), "{text}");
    let at = text.find("/datenschutz/").expect("the way to say no");
    let own = text[at..].split_whitespace().next().expect("a path");
    world
        .visitor()
        .visit(own)
        .assert_says("Datenschutz-Einstellungen");
    assert_eq!(
        mails_to(world, "known@example.org").len(),
        1,
        "one mail for two attempts"
    );
    assert_eq!(find(world, "known@example.org").updated(), known.updated());
    link(&newest_mail(world, "gone@example.org"));
});

trait Updated {
    fn updated(&self) -> (Option<i64>, Option<i64>);
}

impl Updated for Recipient {
    fn updated(&self) -> (Option<i64>, Option<i64>) {
        (self.status_changed_at, self.tracking_changed_at)
    }
}

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

on_both!(only_a_hash_of_the_key_is_stored, |world| {
    let form = Form::new(world);
    let link = form.ask(world, "anna@example.org", &[]);
    let token = link.rsplit('/').next().expect("a token");
    let key = decode(token).expect("a key");
    let hexed = widerspruch::domain::secret::hex(&key);
    for line in world.dump(&[]) {
        assert!(!line.contains(token), "{line}");
        assert!(!line.to_lowercase().contains(&hexed), "{line}");
    }
});

on_both!(two_confirmations_at_once_count_once, |world| {
    let form = Form::new(world);
    let link = form.ask(world, "anna@example.org", &[]);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let hands: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| world.visitor().post(&link, &[]).status))
            .collect();
        hands.into_iter().map(|hand| hand.join().unwrap()).collect()
    });
    let confirmed = statuses.iter().filter(|status| **status == 303).count();
    let late = statuses.iter().filter(|status| **status == 404).count();
    assert_eq!((confirmed, late), (1, 3), "{statuses:?}");
    assert_eq!(world.rows("consents", "1 = 1"), 1);
});

on_both!(programs_and_hasty_people_are_asked_once_more, |world| {
    let form = Form::new(world);
    let visitor = world.visitor();
    let now = Timestamp::now();
    let quick = form.stamp_of(world, now.plus_millis(60_000));
    let old = form.stamp_of(world, now.plus_millis(-stamp::MOST - 60_000));
    let other = {
        let other = Form {
            id: form.id,
            group: form.group,
            path: format!("/formular/{}", "A".repeat(22)),
        };
        other.stamp(world)
    };
    for stamp in ["", "made-up", &quick, &old, &other] {
        let sent = [
            ("email", "anna@example.org"),
            ("vorname", "Anna <b>"),
            ("tracking", "ja"),
            ("stempel", stamp),
        ];
        let answer = visitor.post(&form.path, &sent);
        assert_eq!(answer.status, 200, "{stamp}");
        let value = |name: &str| answer.attribute(&format!("#{name}"), "value");
        assert_eq!(value("email").as_deref(), Some("anna@example.org"));
        assert_eq!(value("vorname").as_deref(), Some("Anna <b>"));
        assert!(answer.attribute("#tracking", "checked").is_some());
    }
    // What only a program fills in: it is told that all went well.
    let stamp = form.stamp(world);
    let trapped = [
        ("email", "bot@example.org"),
        ("stempel", &stamp),
        ("kommentar", "Buy now"),
    ];
    assert_eq!(visitor.post(&form.path, &trapped).status, 303);
    // Wrong input is named at its field.
    let wrong = visitor.post(&form.path, &[("email", "anna"), ("stempel", &stamp)]);
    assert_eq!(wrong.status, 422);
    wrong.assert_says("In der Adresse fehlt das @-Zeichen.");
    assert_eq!(world.rows("signups", "1 = 1"), 0);
});

on_both!(nobody_fills_a_strangers_mailbox, |world| {
    let form = Form::new(world);
    for _ in 0..10 {
        form.send(world, "victim@example.org", &[]);
    }
    assert_eq!(mails_to(world, "victim@example.org").len(), 1);
    // The longer it goes on, the longer the waits: ten minutes, an hour, a day.
    let later = |minutes: i64| {
        let earlier = format!(
            "UPDATE signups SET created_at = created_at - {}",
            minutes * 60_000
        );
        change(world, &earlier);
        let asked = widerspruch::signup::ask::Asked {
            address: &"victim@example.org".parse().expect("an address"),
            first_name: "",
            last_name: "",
            tracking: Some(false),
        };
        world.write(|conn| {
            let of = signup_forms::find(conn, world.account_id, form.id)?;
            let (key, now) = (&world.state.signup_key, Timestamp::now());
            widerspruch::signup::ask::ask(conn, &of, &asked, key, now)
        });
        world.state.mailer.wake();
        mails_to(world, "victim@example.org").len()
    };
    assert_eq!(later(9), 1);
    assert_eq!(later(2), 2);
    assert_eq!(later(11), 2);
    assert_eq!(later(60), 3);
    assert_eq!(later(120), 3);
});

on_both!(a_form_on_another_website_works, |world| {
    let form = Form::new(world);
    let snippet = world
        .admin()
        .visit(&format!("/anmeldeformulare/{}", form.id))
        .all("#schnipsel")
        .join("");
    assert!(snippet.contains(&form.path), "{snippet}");
    assert!(!snippet.contains("script"), "{snippet}");
    let elsewhere = [
        ("origin", "https://shop.example"),
        ("sec-fetch-site", "cross-site"),
    ];
    let sent = [("email", "anna@example.org")];
    let answer = world.visitor().post_with(&form.path, &sent, &elsewhere);
    assert_eq!(answer.status, 200);
    answer
        .assert_says("Bitte prüfen Sie Ihre Angaben")
        .assert_says("Muster GmbH darf mir den Gartenbrief senden.");
    assert!(answer.header("set-cookie").is_none());
    assert_eq!(
        answer.attribute("#email", "value").as_deref(),
        Some("anna@example.org")
    );
    assert_eq!(world.rows("signups", "1 = 1"), 0, "nothing is kept yet");
});

on_both!(the_question_goes_over_the_accounts_mail_server, |world| {
    let form = Form::new(world);
    let admin = world.admin();
    let server = SmtpServer::start::<&str>(&[]);
    let port = server.port.to_string();
    let settings = [
        ("host", "127.0.0.1"),
        ("port", &*port),
        ("encryption", "none"),
        ("connections", "1"),
    ];
    admin.submit("/benutzerkonto/versand", &settings);
    admin.submit("/benutzerkonto/versand/einschalten", &[]);
    admin.submit(
        "/benutzerkonto/versand/signatur",
        &[("domain", "example.org")],
    );
    let activate = match world.on {
        On::Sqlite => "UPDATE dkim_keys SET active = 1",
        On::Postgres => "UPDATE dkim_keys SET active = true",
    };
    change(world, activate);
    form.send(world, "anna@bücher.example", &[]);
    let taken = server.next_mail();
    assert_eq!(taken.sender, "garten@example.org");
    assert_eq!(taken.to, ["anna@xn--bcher-kva.example"]);
    let mail = read(&taken.message).expect("a mail");
    let signatures = mail
        .headers
        .iter()
        .filter(|(name, _)| name == "DKIM-Signature");
    assert_eq!(signatures.count(), 2, "RSA and Ed25519");
    world
        .visitor()
        .submit(&link(&mail), &[])
        .assert_says("Ihre Anmeldung ist bestätigt.");
    assert_eq!(world.rows("outbox_mails", "1 = 1"), 0);
    server.assert_nothing_more();
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
        if act == "aufloesen" {
            admin
                .visit(&page)
                .assert_says("1 Anmeldeformular wird gelöscht");
        }
        admin.submit(&page, &[]);
        let patience = Instant::now() + Duration::from_secs(30);
        while world.rows("groups", "1 = 1") > 0 || files() > 0 {
            assert!(
                Instant::now() < patience,
                "{act}: the group and its mails go"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(world.rows("signups", "1 = 1"), 0);
        assert_eq!(world.visitor().get(&form.path).status, 404);
    }
});

on_both!(what_is_wrong_with_a_form_is_said_at_its_field, |world| {
    let admin = world.admin();
    let form = Form::new(world);
    let wrong = admin.post(&format!("/anmeldeformulare/{}", form.id), &[("name", "x")]);
    assert_eq!(wrong.status, 422);
    for words in [
        "Wählen Sie eine Gruppe.",
        "Der Wortlaut der Einwilligung fehlt.",
        "Der Wortlaut zum Tracking fehlt.",
        "Wählen Sie, wie lange der Link gilt.",
    ] {
        wrong.assert_says(words);
    }
    assert_eq!(world.rows("signup_forms", "name = 'Website unten'"), 1);

    // The group of another account is none.
    world.make_account("Fremde AG", "fremd@example.com");
    let stranger = world.signed_in("fremd@example.com");
    stranger.submit("/gruppen", &[("name", "Eigene")]);
    let group = form.group.to_string();
    let refused = stranger.post("/anmeldeformulare", &Form::typed(&group));
    assert_eq!(refused.status, 422);
    refused.assert_says("Wählen Sie eine Gruppe.");
    stranger
        .visit("/anmeldeformulare")
        .assert_silent_about("Website unten");
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
    let patience = Instant::now() + Duration::from_mins(1);
    while world.rows("receipts", "cleanup = 'pending'") > 0 {
        assert!(Instant::now() < patience, "the cleaning comes to an end");
        std::thread::sleep(Duration::from_millis(10));
    }
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

on_both!(p2_who_signed_up_with_consent_can_say_no, |world| {
    let form = Form::new(world);
    let link = form.ask(world, "anna@example.org", &[("tracking", "ja")]);
    let visitor = world.visitor();
    let confirmed = visitor.post(&link, &[]);
    let own = confirmed.location().expect("her own page");
    let own = own.split('?').next().expect("a path").to_owned();
    let anna = find(world, "anna@example.org");
    let mailing = world.make_sent_mailing("Gartenbrief", 1);
    let key = world.deliver(mailing, anna.id, Decision::Personal);
    visitor.get(&world.pixel(mailing, key));
    assert_eq!(world.rows("events", "1 = 1"), 1, "the control");
    visitor
        .submit(&own, &[])
        .assert_says("Sie haben widersprochen.");
    visitor.get(&world.pixel(mailing, key));
    assert_eq!(world.rows("events", "n = 1"), 1);
    visitor
        .visit(&format!("{own}/daten"))
        .assert_says("Muster GmbH darf auswerten, was ich anklicke.")
        .assert_says("Website unten");
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
