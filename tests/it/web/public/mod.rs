//! What recipients reach behind the personal links of a mail.

mod preferences;

use widerspruch::db::models::audit::Actor;
use widerspruch::db::models::recipients;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::{Decision, RecipientStatus, RecipientTracking, TrackingSource};
use widerspruch::tracking::token::{PersonalLink, PersonalToken};

use crate::support::{World, on_both};

/// The address behind a personal link in the mail to this recipient.
pub fn personal(world: &World, link: PersonalLink, mailing_id: i64, recipient_id: i64) -> String {
    let recipient = world.read(|conn| recipients::find(conn, world.account_id, recipient_id));
    let token = PersonalToken {
        mailing_id,
        recipient_key: recipient.public_key.try_into().expect("16 bytes"),
    };
    let token = world.state.tokens.personal(link, token);
    match link {
        PersonalLink::Unsubscribe => format!("/abmelden/{token}"),
        PersonalLink::Preferences => format!("/datenschutz/{token}"),
    }
}

pub fn recipient(world: &World, id: i64) -> recipients::Recipient {
    world.read(|conn| recipients::find(conn, world.account_id, id))
}

on_both!(unsubscribing_takes_a_click_on_the_page, |world| {
    let mailing = world.make_sent_mailing("Neues", 0);
    let anna = world.make_recipient("anna@example.org");
    let ben = world.make_recipient("ben@example.org");
    let path = personal(world, PersonalLink::Unsubscribe, mailing, anna);
    let visitor = world.visitor();

    let page = visitor.visit(&path);
    page.assert_says("a…@example.org")
        .assert_silent_about("anna@example.org")
        .assert_says("Muster GmbH")
        .assert_silent_about("Sie sind abgemeldet");
    assert_eq!(page.all("form button"), ["Abmelden"]);
    assert_eq!(
        recipient(world, anna).status,
        RecipientStatus::Active,
        "looking changes nothing"
    );

    visitor
        .submit(&path, &[])
        .assert_says("Sie sind abgemeldet.");
    let person = recipient(world, anna);
    assert_eq!(person.status, RecipientStatus::Unsubscribed);
    assert_eq!(person.status_source, Some(TrackingSource::Recipient));
    assert_eq!(
        person.tracking,
        RecipientTracking::Unset,
        "says nothing about tracking"
    );
    visitor.submit(&path, &[]);
    assert_eq!(
        world.rows("mailings", "unsubscriptions = 1 AND objections = 0"),
        1,
        "twice counts once"
    );
    assert_eq!(
        world.rows(
            "audit_log",
            "action = 'recipient_unsubscribed' AND actor = 'Empfänger selbst'"
        ),
        1
    );
    assert_eq!(recipient(world, ben).status, RecipientStatus::Active);
});

on_both!(a_mail_program_unsubscribes_with_one_click, |world| {
    let mailing = world.make_sent_mailing("Neues", 0);
    let anna = world.make_recipient("anna@example.org");
    let path = personal(world, PersonalLink::Unsubscribe, mailing, anna);
    // From another site and without a cookie, as RFC 8058 has it.
    let elsewhere = [
        ("origin", "https://mail.example"),
        ("sec-fetch-site", "cross-site"),
    ];
    for _ in 0..2 {
        let answer =
            world
                .visitor()
                .post_with(&path, &[("List-Unsubscribe", "One-Click")], &elsewhere);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.html(), "Abgemeldet.");
    }
    assert_eq!(recipient(world, anna).status, RecipientStatus::Unsubscribed);
    assert_eq!(world.rows("mailings", "unsubscriptions = 1"), 1);
});

on_both!(the_requests_of_rfc_8058_unsubscribe, |world| {
    let mailing = world.make_sent_mailing("Neues", 0);
    // Sections 8.2 and 8.3, to the letter.
    let requests: [(&str, &[u8]); 2] = [
        (
            "application/x-www-form-urlencoded",
            b"List-Unsubscribe=One-Click",
        ),
        (
            "multipart/form-data; boundary=---FormBoundaryjWmhtjORrn",
            b"-----FormBoundaryjWmhtjORrn\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n-----FormBoundaryjWmhtjORrn--\r\n",
        ),
    ];
    for (at, (kind, body)) in requests.into_iter().enumerate() {
        let anna = world.make_recipient(&format!("anna{at}@example.org"));
        let path = personal(world, PersonalLink::Unsubscribe, mailing, anna);
        let answer = world.visitor().post_body(&path, kind, body);
        assert_eq!(answer.status, 200, "{kind}: without a redirect");
        assert!(answer.header("set-cookie").is_none());
        assert_eq!(recipient(world, anna).status, RecipientStatus::Unsubscribed);
        assert_eq!(recipient(world, anna).tracking, RecipientTracking::Unset);
    }
    assert_eq!(world.rows("mailings", "unsubscriptions = 2"), 1);
});

on_both!(objecting_takes_a_click_and_can_be_taken_back, |world| {
    let mailing = world.make_sent_mailing("Neues", 1);
    let anna = world.make_recipient("anna@example.org");
    let key = world.deliver(mailing, anna, Decision::Personal);
    let path = personal(world, PersonalLink::Preferences, mailing, anna);
    let visitor = world.visitor();

    let page = visitor.visit(&path);
    page.assert_says("Personenbezogenes Tracking: Widerspruch")
        .assert_says("Art. 21 DSGVO")
        .assert_says("welche Links darin Sie anklicken");
    assert_eq!(page.all("#tracking ~ form button"), ["Widersprechen"]);
    assert_eq!(
        recipient(world, anna).tracking,
        RecipientTracking::Unset,
        "looking changes nothing"
    );

    visitor
        .submit(&path, &[])
        .assert_says("Sie haben widersprochen.")
        .assert_says("anonyme Gesamtzahlen");
    visitor.submit(&path, &[]);
    let person = recipient(world, anna);
    assert_eq!(person.tracking, RecipientTracking::Objected);
    assert_eq!(person.tracking_source, Some(TrackingSource::Recipient));
    assert_eq!(
        person.status,
        RecipientStatus::Active,
        "says nothing about mailings"
    );
    assert_eq!(
        world.rows("mailings", "objections = 1 AND unsubscriptions = 0"),
        1,
        "twice counts once"
    );
    assert_eq!(
        world.rows(
            "audit_log",
            "action = 'recipient_objected' AND actor = 'Empfänger selbst'"
        ),
        1
    );
    visitor.get(&world.pixel(mailing, key));
    assert_eq!(
        world.rows("events", "1 = 1"),
        0,
        "holds for the mail that is there already"
    );

    visitor
        .submit(&format!("{path}/erlauben"), &[])
        .assert_says("Sie haben personenbezogenes Tracking erlaubt");
    assert_eq!(
        recipient(world, anna).tracking,
        RecipientTracking::Consented
    );
    assert_eq!(
        world.rows(
            "consents",
            "kind = 'tracking' AND wording LIKE 'Ich erlaube Muster GmbH%'"
        ),
        1,
        "the evidence"
    );
    visitor.submit(&format!("{path}/erlauben"), &[]);
    assert_eq!(world.rows("consents", "agreed"), 1, "twice counts once");
    visitor.get(&world.pixel(mailing, key));
    assert_eq!(world.rows("events", "1 = 1"), 1, "from now on again");
});

on_both!(who_is_not_measured_is_told_so, |world| {
    let mailing = world.make_sent_mailing("Neues", 0);
    let anna = world.make_recipient("anna@example.org");
    world.write(|conn| {
        widerspruch::tracking::settings::set_account_mode(
            conn,
            world.account_id,
            widerspruch::domain::tracking::TrackingMode::Off,
            &Actor::Program("test"),
            Timestamp::now(),
        )
    });
    world
        .visitor()
        .visit(&personal(world, PersonalLink::Preferences, mailing, anna))
        .assert_says("Zurzeit wird über Sie nichts personenbezogen erfasst.")
        .assert_silent_about("welche Links darin");
});

on_both!(a_link_that_leads_nowhere_gets_a_friendly_page, |world| {
    let mailing = world.make_sent_mailing("Neues", 0);
    let anna = world.make_recipient("anna@example.org");
    let unsubscribe = personal(world, PersonalLink::Unsubscribe, mailing, anna);
    let object = personal(world, PersonalLink::Preferences, mailing, anna);
    let swapped = unsubscribe.replace("/abmelden/", "/datenschutz/");
    let (actor, now) = (Actor::Program("test"), Timestamp::now());
    let key = world.state.remembering.clone();
    world.write(|conn| {
        let receipt = widerspruch::db::models::receipts::start(
            conn,
            world.account_id,
            widerspruch::db::models::receipts::ReceiptKind::Deletion,
            "test",
            now,
        )?;
        widerspruch::erasure::deletion::delete_recipients(
            conn,
            world.account_id,
            &[anna],
            receipt,
            &key,
            &actor,
            now,
        )
    });
    let visitor = world.visitor();
    for path in [
        unsubscribe.as_str(),
        &object,
        &swapped,
        "/abmelden/x",
        "/datenschutz/x",
    ] {
        for answer in [visitor.get(path), visitor.post(path, &[])] {
            assert_eq!(answer.status, 404, "{path}");
            answer
                .assert_says("Dieser Link gilt nicht mehr")
                .assert_silent_about("anna@example.org");
        }
    }
    let one_click = visitor.post(&unsubscribe, &[("List-Unsubscribe", "One-Click")]);
    assert_eq!(
        one_click.status, 200,
        "who is gone gets no mails: for a mail program that is done"
    );
});

/// What mail programs and people put behind an address, as it arrives.
const BEHIND: [&str; 22] = [
    ".",
    ")",
    "%3E",
    "%22",
    "%20",
    "%C2%A0",
    "%A0",
    "/",
    "//",
    "/.",
    "/%3E",
    "=",
    "==",
    "&x=1",
    "&amp;x=1",
    "%E2%80%9C",
    "%5D",
    "*",
    "_",
    ",%20und",
    "/?utm_source=x",
    "%0A",
];

on_both!(what_stands_behind_a_token_changes_nothing, |world| {
    let mailing = world.make_sent_mailing("Neues", 1);
    let visitor = world.visitor();
    let ben = world.make_recipient("ben@example.org");
    let key = world.deliver(mailing, ben, Decision::Personal);
    for (number, rest) in BEHIND.iter().enumerate() {
        let anna = world.make_recipient(&format!("anna{number}@example.org"));
        let unsubscribe = personal(world, PersonalLink::Unsubscribe, mailing, anna);
        let preferences = personal(world, PersonalLink::Preferences, mailing, anna);

        let page = visitor.get(&format!("{unsubscribe}{rest}"));
        assert_eq!(page.status, 200, "{rest}");
        assert_eq!(
            page.attribute("form", "action"),
            Some(unsubscribe.clone()),
            "{rest}"
        );
        let page = visitor.get(&format!("{preferences}{rest}"));
        assert_eq!(page.status, 200, "{rest}");
        assert_eq!(
            page.attribute("form", "action"),
            Some(preferences.clone()),
            "{rest}"
        );

        let answer = visitor.post(&format!("{preferences}{rest}"), &[]);
        assert_eq!(answer.status, 303, "{rest}");
        let place = answer.header("location").unwrap_or_default().to_owned();
        assert!(
            place.starts_with(&format!("{preferences}?")),
            "{rest}: {place}"
        );
        let answer = visitor.post(
            &format!("{unsubscribe}{rest}"),
            &[("List-Unsubscribe", "One-Click")],
        );
        assert_eq!(answer.status, 200, "{rest}");
        let person = recipient(world, anna);
        assert_eq!(person.status, RecipientStatus::Unsubscribed, "{rest}");
        assert_eq!(person.tracking, RecipientTracking::Objected, "{rest}");
    }
    for rest in BEHIND {
        let click = visitor.get(&format!("{}{rest}", world.click(mailing, key, 1)));
        assert_eq!(click.status, 302, "{rest}");
        visitor.get(&format!("{}{rest}", world.pixel(mailing, key)));
    }
    let counted = BEHIND.len();
    assert_eq!(
        world.rows(
            "deliveries",
            &format!("opens = {counted} AND clicks = {counted}")
        ),
        1
    );
    // Another act of the page is none that it does not have.
    let anna = world.make_recipient("anna@example.org");
    let preferences = personal(world, PersonalLink::Preferences, mailing, anna);
    assert_eq!(visitor.post(&format!("{preferences}/x"), &[]).status, 404);
    assert_eq!(recipient(world, anna).tracking, RecipientTracking::Unset);
});
