//! Signing up: the form, the mail, the confirmation, the evidence; and what strangers can't do with
//! it.

mod gone;
mod strangers;

use diesel::connection::SimpleConnection;
use widerspruch::db::models::audit::Actor;
use widerspruch::db::models::recipients::{self, Recipient};
use widerspruch::db::models::{group_leavings, groups};
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::{
    Decision, RecipientStatus, RecipientTracking, TrackingMode, TrackingSource,
};
use widerspruch::mail::read::{ReadMail, read};
use widerspruch::signup::{confirm, decode, stamp};
use widerspruch::tracking::settings;

use crate::support::agent::Answer;
use crate::support::python::SmtpServer;
use crate::support::{On, World, eventually, on_both};

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
    eventually(
        "the mails go out",
        || world.rows("signups", "mail_due_at IS NOT NULL"),
        |due| *due == 0,
    );
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
    let unchanged = world.snapshot(&["sessions"]);
    for _ in 0..3 {
        visitor
            .visit(&link)
            .assert_says("A…@Example.org")
            .assert_says("Anmeldung bestätigen")
            .assert_silent_about("Anna@");
    }
    assert_eq!(world.snapshot(&["sessions"]), unchanged);

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
    let refused = "kind = 'tracking' AND NOT agreed AND wording LIKE '%darf auswerten%'";
    assert_eq!(world.rows("consents", refused), 1, "the no, with its words");
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

on_both!(
    signing_up_again_leads_back_into_a_group_that_was_left,
    |world| {
        let form = Form::new(world);
        let anna = form.sign_up(world, "anna@example.org", &[]);
        world.write(|conn| {
            let now = Timestamp::now();
            group_leavings::leave(conn, world.account_id, form.group, anna.id, now)
        });
        let of_group = format!("group_id = {}", form.group);
        assert_eq!(world.rows("memberships", &of_group), 0);
        assert_eq!(world.rows("group_leavings", &of_group), 1);
        form.ask(world, "anna@example.org", &[]);
        assert_eq!(
            world.rows("memberships", &of_group),
            0,
            "not before the confirmation"
        );
        form.sign_up(world, "anna@example.org", &[]);
        assert_eq!(world.rows("memberships", &of_group), 1);
        assert_eq!(world.rows("group_leavings", &of_group), 0);
    }
);

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
    assert_eq!(world.rows("consents", "kind = 'subscription'"), 1);
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

/// Somebody new has no hits that could be counted by what they say.
#[test]
fn a_confirmation_waits_for_no_hits() {
    let world = World::start(On::Postgres);
    let form = Form::new(&world);
    // The box for personal tracking is there and left empty: an objection.
    let link = form.ask(&world, "anna@example.org", &[]);
    let answer = world.while_hits_are_stored(|| world.visitor().post(&link, &[]).status);
    assert_eq!(answer, 303);
    let anna = find(&world, "anna@example.org");
    assert_eq!(anna.tracking, RecipientTracking::Objected);
    assert_eq!(
        world.rows("consents", "kind = 'tracking' AND NOT agreed"),
        1
    );
}

/// Whoever signs up again has a new link, and what was sent with the older one is gone.
#[test]
fn a_link_that_is_replaced_meanwhile_confirms_nothing() {
    let world = World::start(On::Postgres);
    let form = Form::new(&world);
    let link = form.ask(&world, "anna@example.org", &[]);
    let token = link.rsplit('/').next().expect("a token").to_owned();
    let replaced = "UPDATE signups SET first_name = 'Neu', mails = mails + 1, key_hash = '\\x01'";
    let key = world.state.remembering.clone();
    let ((), confirmed) = world.overlapping(
        |conn| Ok(conn.batch_execute(replaced)?),
        move |conn| {
            let confirmed = confirm::confirm(conn, &token, &key, Timestamp::now())?;
            Ok(confirmed.is_some())
        },
    );
    assert!(!confirmed);
    assert_eq!(world.rows("signups", "first_name = 'Neu'"), 1);
    assert_eq!(world.rows("recipients", "1 = 1"), 0);
}
