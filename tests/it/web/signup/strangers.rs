//! What strangers can't learn or do with a form, and what a form says to whoever makes it.

use widerspruch::db::models::recipients::Recipient;
use widerspruch::db::models::signup_forms;
use widerspruch::domain::time::Timestamp;
use widerspruch::signup::{decode, stamp};

use super::{Form, change, find, link, mails_to, newest_mail};
use crate::support::{World, on_both};

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
