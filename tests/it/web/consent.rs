//! Consent on the pages: the account's mode, evidence, the person's own answer, import.

use diesel::RunQueryDsl;
use widerspruch::db::models::groups;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::{Decision, RecipientTracking, TrackingMode, TrackingSource};
use widerspruch::tracking::token::PersonalLink;

use super::public::{personal, recipient};
use crate::support::agent::Answer;
use crate::support::{World, on_both};

const MODE: &str = "/benutzerkonto/tracking/modus";
const WORDS: &str = "Ja, Muster GmbH darf messen, was ich lese.";

fn mode(world: &World) -> TrackingMode {
    let account =
        world.read(|conn| widerspruch::db::models::accounts::find(conn, world.account_id));
    account.tracking_mode
}

fn narrow(world: &World) {
    let admin = world.admin();
    admin.submit(MODE, &[("auf", "consent"), ("von", "active")]);
    assert_eq!(mode(world), TrackingMode::Consent);
}

fn change(world: &World, statement: &str) {
    world.write(|conn| Ok(diesel::sql_query(statement).execute(conn)?));
}

fn record(world: &World, id: i64, day: &str, cause: &str) -> Answer {
    world.admin().post(
        &format!("/empfaenger/{id}/tracking/einwilligung"),
        &[
            ("erteilt", day),
            ("wie", "Karte vom Messestand"),
            ("wortlaut", WORDS),
            ("anlass", cause),
        ],
    )
}

fn today() -> String {
    let now = jiff::Timestamp::now()
        .in_tz("Europe/Berlin")
        .expect("a zone");
    now.strftime("%Y-%m-%d").to_string()
}

on_both!(a_change_of_mode_says_what_it_will_do, |world| {
    for n in 0..4 {
        world.make_recipient(&format!("silent{n}@example.org"));
    }
    let agreed = world.make_recipient("agreed@example.org");
    assert_eq!(record(world, agreed, "2026-11-01", "selbst").status, 303);
    let admin = world.admin();
    for n in 0..2 {
        let id = world.make_recipient(&format!("no{n}@example.org"));
        admin.submit(
            &format!("/empfaenger/{id}/tracking"),
            &[("tracking_off", "ja")],
        );
    }
    let tab = admin.visit("/benutzerkonto/tracking");
    assert_eq!(
        tab.all("#schalter ~ form button"),
        ["Tracking deaktivieren"]
    );
    tab.assert_says("Nur mit Einwilligung erfassen");

    let page = admin.visit(&format!("{MODE}?auf=consent"));
    page.assert_says("4 Empfänger ohne Angabe werden nicht mehr personenbezogen erfasst")
        .assert_says("1 Empfänger mit Einwilligung wird weiter personenbezogen erfasst")
        .assert_says("2 Empfänger mit Widerspruch werden weiter nicht personenbezogen erfasst")
        .assert_says("keine Zahl");
    // Each number leads to those it counts.
    for (said, n) in [("unset", 4), ("consented", 1), ("objected", 2)] {
        let list = format!("/empfaenger?tracking={said}");
        let link = page.all(&format!(".consequences a[href='{list}']"));
        assert!(link[0].starts_with(&format!("{n} Empfänger ")), "{link:?}");
        assert_eq!(admin.visit(&list).all("tbody th a").len(), n, "{said}");
    }
    assert_eq!(mode(world), TrackingMode::Active, "asking changes nothing");
    let form = [("auf", "consent"), ("von", "active")];
    admin
        .submit(MODE, &form)
        .assert_says("Nur mit Einwilligung seit")
        .assert_says("durch Eva Admin");
    admin
        .visit(&format!("{MODE}?auf=active"))
        .assert_says("4 Empfänger ohne Angabe werden ab sofort personenbezogen erfasst")
        .assert_says("4 Personen werden dann erfasst, ohne eingewilligt zu haben");
    // What was asked on a page that is out of date does not happen.
    admin
        .submit(MODE, &[("auf", "off"), ("von", "active")])
        .assert_says("inzwischen geändert");
    assert_eq!(mode(world), TrackingMode::Consent);
    admin
        .visit(&format!("{MODE}?auf=consent"))
        .assert_says("Das gilt bereits");
    assert_eq!(admin.get(&format!("{MODE}?auf=alle")).status, 404);
    assert_eq!(
        admin
            .post(MODE, &[("auf", "alle"), ("von", "active")])
            .status,
        404
    );
});

on_both!(
    switching_on_again_tracks_nobody_who_was_not_tracked,
    |world| {
        narrow(world);
        let admin = world.admin();
        admin
            .submit("/benutzerkonto/tracking/deaktivieren", &[])
            .assert_says("Deaktiviert seit")
            .assert_says("Danach gilt wieder, was vor dem Deaktivieren galt");
        admin
            .submit("/benutzerkonto/tracking/aktivieren", &[])
            .assert_says("Nur mit Einwilligung seit");
        assert_eq!(mode(world), TrackingMode::Consent);
        admin.submit(MODE, &[("auf", "active"), ("von", "consent")]);
        admin.submit("/benutzerkonto/tracking/deaktivieren", &[]);
        admin.submit("/benutzerkonto/tracking/aktivieren", &[]);
        assert_eq!(mode(world), TrackingMode::Active, "as documented");
    }
);

on_both!(the_person_is_asked_answers_and_is_left_alone, |world| {
    narrow(world);
    let mailing = world.make_sent_mailing("Neues", 1);
    let anna = world.make_recipient("anna@example.org");
    let key = world.deliver(mailing, anna, Decision::Personal);
    let path = personal(world, PersonalLink::Preferences, mailing, anna);
    let visitor = world.visitor();
    let page = visitor.visit(&path);
    page.assert_says("Zurzeit wird über Sie nichts personenbezogen erfasst")
        .assert_says("Ich erlaube Muster GmbH");
    let buttons = page.all("#tracking ~ .confirm button");
    assert_eq!(buttons, ["Ja, erlauben", "Nein, nicht erlauben"]);

    visitor
        .submit(&format!("{path}/erlauben"), &[])
        .assert_says("Zurzeit wird über Sie erfasst")
        .assert_says("Ihre Einwilligung nehmen Sie damit zurück");
    visitor.get(&world.pixel(mailing, key));
    assert_eq!(world.rows("deliveries", "opens = 1"), 1);
    // Withdrawn, at once.
    let page = visitor.submit(&path, &[]);
    visitor.get(&world.pixel(mailing, key));
    assert_eq!(world.rows("deliveries", "opens = 1"), 1);
    page.assert_says("fragen wir Sie nicht wieder");
    assert!(
        page.all("#tracking ~ .confirm button").is_empty(),
        "no question"
    );
    page.assert_says("Personenbezogenes Tracking erlauben");
    for agreed in ["agreed", "NOT agreed"] {
        let kept = format!("kind = 'tracking' AND {agreed} AND wording <> ''");
        assert_eq!(world.rows("consents", &kept), 1, "{agreed}");
    }
    let tab = world.admin().visit(&format!("/empfaenger/{anna}/tracking"));
    tab.assert_says("erteilt")
        .assert_says("verweigert")
        .assert_says("Ich erlaube Muster GmbH")
        .assert_says("Datenschutz-Einstellungen")
        .assert_says("nicht erneut um Einwilligung");

    // Lifted by the account: still nobody asks, until six months are over.
    let lift = format!("/empfaenger/{anna}/tracking/aufheben");
    world
        .admin()
        .submit(&lift, &[("reason", "Anruf vom Montag")]);
    assert_eq!(recipient(world, anna).tracking, RecipientTracking::Unset);
    let page = visitor.visit(&path);
    assert!(page.all("#tracking ~ .confirm button").is_empty());
    page.assert_says("fragen wir Sie nicht wieder");
    let half_a_year_ago = Timestamp::now().plus_months(-6).millis();
    change(
        world,
        &format!(
            "UPDATE recipients SET refused_at = {}",
            half_a_year_ago + 60_000
        ),
    );
    assert!(
        visitor
            .visit(&path)
            .all("#tracking ~ .confirm button")
            .is_empty()
    );
    change(
        world,
        &format!(
            "UPDATE recipients SET refused_at = {}",
            half_a_year_ago - 86_400_000
        ),
    );
    let page = visitor.visit(&path);
    assert_eq!(
        page.all("#tracking ~ .confirm button").len(),
        2,
        "asked again"
    );
    page.assert_silent_about("fragen wir Sie nicht wieder");
});

on_both!(a_consent_is_recorded_with_its_evidence, |world| {
    let anna = world.make_recipient("anna@example.org");
    let page = format!("/empfaenger/{anna}/tracking/einwilligung");
    let admin = world.admin();
    admin.visit(&page).assert_says("Art. 7 DSGVO");
    let wrong = admin.post(
        &page,
        &[
            ("erteilt", "31.02.2026"),
            ("wie", " "),
            ("wortlaut", "Meine Worte"),
        ],
    );
    assert_eq!(wrong.status, 422);
    wrong
        .assert_says("Dieser Tag steht nicht im Kalender.")
        .assert_says("Wie die Einwilligung kam fehlt")
        .assert_says("Wählen Sie, wie es dazu kam")
        .assert_says("Meine Worte");
    let future = record(world, anna, "2999-01-01", "selbst");
    assert_eq!(future.status, 422);
    future.assert_says("liegt in der Zukunft");
    assert_eq!(world.rows("consents", "1 = 1"), 0);

    assert_eq!(record(world, anna, "01.11.2026", "gefragt").status, 303);
    let person = recipient(world, anna);
    assert_eq!(person.tracking, RecipientTracking::Consented);
    assert_eq!(person.tracking_source, Some(TrackingSource::Admin));
    admin
        .visit(&format!("/empfaenger/{anna}/tracking"))
        .assert_says("01.11.2026: erteilt")
        .assert_says(WORDS)
        .assert_says("Karte vom Messestand (auf unsere Frage)");

    // After a no: not what was said before, nor what was asked for.
    admin.submit(
        &format!("/empfaenger/{anna}/tracking"),
        &[("tracking_off", "ja")],
    );
    record(world, anna, "02.11.2026", "selbst").assert_says("hat danach widersprochen");
    let asked = record(world, anna, &today(), "gefragt");
    assert_eq!(asked.status, 422);
    asked
        .assert_says("darf bis zum")
        .assert_says("nicht erneut gefragt werden");
    assert_eq!(recipient(world, anna).tracking, RecipientTracking::Objected);
    assert_eq!(record(world, anna, &today(), "selbst").status, 303);
    assert_eq!(
        recipient(world, anna).tracking,
        RecipientTracking::Consented
    );

    let gone = admin.submit(&format!("/empfaenger/{anna}/loeschen"), &[]);
    gone.assert_says("Löschung");
    assert_eq!(world.rows("consents", "1 = 1"), 0);
    world.make_account("Fremde AG", "fremd@example.com");
    let ben = world.make_recipient("ben@example.org");
    let stranger = world.signed_in("fremd@example.com");
    let page = format!("/empfaenger/{ben}/tracking/einwilligung");
    assert_eq!(stranger.get(&page).status, 404);
});

on_both!(a_reason_that_the_log_keeps_holds_no_address, |world| {
    let anna = world.make_recipient("anna@example.org");
    let admin = world.admin();
    admin.submit(
        &format!("/empfaenger/{anna}/tracking"),
        &[("tracking_off", "ja")],
    );
    let lift = format!("/empfaenger/{anna}/tracking/aufheben");
    let answer = admin.post(&lift, &[("reason", "anna@example.org rief an")]);
    assert_eq!(answer.status, 422);
    answer.assert_says("Bitte ohne E-Mail-Adresse");
    assert_eq!(recipient(world, anna).tracking, RecipientTracking::Objected);
});

/// Imports a text with these settings of consent, as the page would send them.
fn import(world: &World, text: &str, columns: &[&str], evidence: &[(&str, &str)]) -> Answer {
    let admin = world.admin();
    let answer = super::imports::send(&admin, &[], "liste.csv", text.as_bytes());
    let path = answer.location().expect("the import's address");
    let mut form = vec![
        ("kodierung", "utf-8"),
        ("trennzeichen", "semicolon"),
        ("kopfzeile", "ja"),
    ];
    form.extend(columns.iter().map(|word| ("spalte", *word)));
    form.extend_from_slice(evidence);
    form.push(("aktion", "start"));
    let answer = admin.post(&path, &form);
    if answer.status == 303 {
        super::imports::wait_until_over(world);
    }
    answer
}

fn said(world: &World, address: &str) -> RecipientTracking {
    let found = world.read(|conn| {
        widerspruch::db::models::recipients::find_by_address(conn, world.account_id, address)
    });
    found.expect("a recipient").tracking
}

on_both!(a_file_brings_consents_with_evidence, |world| {
    use RecipientTracking::{Consented, Objected, Unset};
    let admin = world.admin();
    let known = world.make_recipient("known@example.org");
    let no = world.make_recipient("no@example.org");
    admin.submit(
        &format!("/empfaenger/{no}/tracking"),
        &[("tracking_off", "ja")],
    );
    let gone = world.make_recipient("gone@example.org");
    admin.submit(
        &format!("/empfaenger/{gone}/tracking"),
        &[("tracking_off", "ja")],
    );
    admin.submit(&format!("/empfaenger/{gone}/loeschen"), &[]);
    let text = "E-Mail;Ok;Am;Aus\n\
                new@example.org;ja;03.10.2026;\n\
                known@example.org;x;;\n\
                no@example.org;ja;;\n\
                gone@example.org;ja;;\n\
                both@example.org;ja;;ja\n\
                silent@example.org;nein;;\n\
                unclear@example.org;vielleicht;;\n\
                later@example.org;ja;01.01.2999;\n";
    let columns = ["address", "consent", "consent_day", "tracking_off"];
    // Without evidence nothing begins.
    let refused = import(
        world,
        text,
        &columns,
        &[("einwilligung-wie", "Kundenportal")],
    );
    assert_eq!(refused.status, 422);
    refused
        .assert_says("Der Wortlaut der Einwilligung fehlt")
        .assert_says("Geben Sie den Tag der Einwilligungen an");
    assert_eq!(
        refused.attribute("#einwilligung-wie", "value").as_deref(),
        Some("Kundenportal")
    );
    assert_eq!(world.rows("consents", "1 = 1"), 0);

    let evidence = [
        ("einwilligung-wortlaut", WORDS),
        ("einwilligung-wie", "Kundenportal"),
        ("einwilligung-am", "2026-09-01"),
    ];
    assert_eq!(import(world, text, &columns, &evidence).status, 303);
    for (address, expected) in [
        ("new@example.org", Consented),
        ("known@example.org", Consented),
        ("no@example.org", Objected),
        ("gone@example.org", Objected),
        ("both@example.org", Objected),
        ("silent@example.org", Unset),
    ] {
        assert_eq!(said(world, address), expected, "{address}");
    }
    assert_eq!(
        world.rows("import_refusals", "line > 0"),
        2,
        "unclear, and in the future"
    );
    assert_eq!(world.rows("consents", "kind = 'tracking' AND agreed"), 2);
    admin
        .visit(&format!("/empfaenger/{known}/tracking"))
        .assert_says("01.09.2026: erteilt")
        .assert_says(WORDS)
        .assert_says("Kundenportal")
        .assert_says("Quelle: Import");
    let logged =
        "action = 'recipient_consented' AND details LIKE '%import%' AND actor = 'Eva Admin'";
    assert_eq!(world.rows("audit_log", logged), 2);
    // The same once more says nothing new.
    import(world, text, &columns, &evidence);
    assert_eq!(world.rows("consents", "1 = 1"), 2);
});

on_both!(a_file_in_which_everybody_consented, |world| {
    let group =
        world.write(|conn| groups::create(conn, world.account_id, "Kundschaft", Timestamp::now()));
    assert!(group > 0);
    let evidence = [
        ("einwilligung-alle", "ja"),
        ("einwilligung-wortlaut", WORDS),
        ("einwilligung-wie", "Kundenportal"),
        ("einwilligung-am", "01.09.2026"),
    ];
    let text = "E-Mail;Stadt\na@example.org;Bonn\nb@example.org;Köln\n";
    let answer = import(world, text, &["address", "field:stadt"], &evidence);
    assert_eq!(answer.status, 303);
    assert_eq!(world.rows("recipients", "tracking = 'consented'"), 2);
    assert_eq!(
        world.rows("consents", "wording <> '' AND form_name LIKE 'Import %'"),
        2
    );
});

on_both!(who_said_no_is_in_no_group_that_asks, |world| {
    narrow(world);
    let now = Timestamp::now();
    let mailing = world.make_sent_mailing("Neues", 1);
    let ids: Vec<i64> = (0..4)
        .map(|n| world.make_recipient(&format!("p{n}@example.org")))
        .collect();
    let (free, refusing, lifted, long_ago) = (ids[0], ids[1], ids[2], ids[3]);
    let admin = world.admin();
    for id in [lifted, long_ago] {
        admin.submit(
            &format!("/empfaenger/{id}/tracking"),
            &[("tracking_off", "ja")],
        );
        admin.submit(
            &format!("/empfaenger/{id}/tracking/aufheben"),
            &[("reason", "Versehen")],
        );
    }
    let then = now.plus_months(-7).millis();
    change(
        world,
        &format!("UPDATE recipients SET refused_at = {then} WHERE id = {long_ago}"),
    );
    let ask = "/benutzerkonto/tracking/fragen";
    admin
        .visit(ask)
        .assert_says("3 Empfänger ohne Angabe kommen")
        .assert_says("1 Empfänger bleibt draußen");
    assert_eq!(admin.post(ask, &[("name", " ")]).status, 422);
    let answer = admin.post(ask, &[("name", "Fragen")]);
    let path = answer.location().expect("the group");
    admin
        .visit(&path)
        .assert_says("um Einwilligung zu bitten")
        .assert_says("3 Empfänger");
    admin
        .post(ask, &[("name", "Fragen")])
        .assert_says("gibt es schon");
    let group = world
        .read(|conn| groups::find_by_name(conn, world.account_id, "Fragen"))
        .expect("a group");
    let in_it = |id: i64| {
        let of = world.read(|conn| groups::of_recipient(conn, world.account_id, id));
        of.iter().any(|one| one.id == group.id)
    };
    assert_eq!(
        ids.iter().map(|id| in_it(*id)).collect::<Vec<_>>(),
        [true, true, false, true]
    );

    // A no ends it at once, by the person or by a user.
    let page = personal(world, PersonalLink::Preferences, mailing, refusing);
    world.visitor().submit(&page, &[]);
    admin.submit(
        &format!("/empfaenger/{long_ago}/tracking"),
        &[("tracking_off", "ja")],
    );
    assert!(!in_it(refusing) && !in_it(long_ago) && in_it(free));
    assert_eq!(
        world.rows("groups", "name = 'Fragen' AND member_count = 1"),
        1
    );
    // And no way leads in again: not by hand, not by a file, not for whoever lifted it.
    let wanted = group.id.to_string();
    for id in [refusing, lifted, long_ago] {
        admin.post(
            &format!("/empfaenger/{id}/gruppen"),
            &[("gruppen", &wanted)],
        );
        assert!(!in_it(id));
    }
    let text = "E-Mail;Tracking deaktiviert\np0@example.org;ja\np1@example.org;\nnew@example.org;\nno@example.org;ja\n";
    crate::support::import::import(world, text, Some(group.id));
    assert!(!in_it(refusing));
    let members = admin.visit(&format!("/empfaenger?gruppe={}", group.id));
    members
        .assert_says("new@example.org")
        .assert_silent_about("p1@example.org")
        .assert_silent_about("no@example.org");
    assert_eq!(world.rows("audit_log", "action = 'asking_group_made'"), 1);
});
