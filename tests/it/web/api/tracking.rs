//! The tracking setting of a recipient.

use serde_json::json;
use widerspruch::domain::tracking::Decision;
use widerspruch::tracking::token::PersonalLink;

use crate::support::on_both;
use crate::web::public::personal;

const WORDS: &str = "Ja, Muster GmbH darf messen, was ich lese.";

on_both!(p2_an_objection_holds_at_once, |world| {
    let program = world.program();
    let mailing = world.make_sent_mailing("Neues", 1);
    let anna = world.make_recipient("anna@example.org");
    let key = world.deliver(mailing, anna, Decision::Personal);
    let path = format!("/api/v1/recipients/{anna}/tracking");
    let before = program.get(&path).expect(200);
    assert_eq!(
        (&before["setting"], &before["measured_personally"]),
        (&json!("unset"), &json!(true))
    );
    for _ in 0..2 {
        let after = program
            .put(&path, &json!({"setting": "objected"}))
            .expect(200);
        assert_eq!(after["setting"], "objected");
        assert_eq!(after["source"], "api");
        assert_eq!(after["measured_personally"], false);
    }
    world.visitor().get(&world.pixel(mailing, key));
    assert_eq!(world.rows("events", "1 = 1"), 0);
    assert_eq!(
        world.rows("audit_log", "action = 'recipient_objected'"),
        1,
        "once, however often"
    );
    assert_eq!(
        world.rows(
            "audit_log",
            "actor = 'Schnittstelle: Webshop' AND user_id IS NULL"
        ),
        1
    );

    program.put(&path, &json!({"setting": "unset"})).expect(200);
    assert_eq!(program.get(&path).expect(200)["setting"], "unset");
});

on_both!(
    a_persons_own_objection_is_lifted_for_a_reason_only,
    |world| {
        let program = world.program();
        let mailing = world.make_sent_mailing("Neues", 1);
        let anna = world.make_recipient("anna@example.org");
        world.deliver(mailing, anna, Decision::Personal);
        world.visitor().submit(
            &personal(world, PersonalLink::Preferences, mailing, anna),
            &[],
        );
        let path = format!("/api/v1/recipients/{anna}/tracking");
        assert_eq!(program.get(&path).expect(200)["needs_reason"], true);
        for wrong in [
            json!({"setting": "unset"}),
            json!({"setting": "unset", "reason": "  "}),
            json!({"setting": "unset", "reason": "wie von anna@example.org gewünscht"}),
            json!({"setting": "objected", "reason": "x"}),
            json!({"setting": "unset", "reason": "x", "consent": {"given_on": "2026-11-01", "how": "x", "wording": "x", "asked": false}}),
        ] {
            program.put(&path, &wrong).expect_problem(422, "invalid");
        }
        program
            .put(&path, &json!({"setting": "off"}))
            .expect_problem(400, "malformed");
        program
            .put(&path, &json!({"setting": "unset", "source": "self"}))
            .expect_problem(400, "malformed");
        assert_eq!(program.get(&path).expect(200)["setting"], "objected");
        let lifted = program
            .put(
                &path,
                &json!({"setting": "unset", "reason": "Am Telefon erbeten"}),
            )
            .expect(200);
        assert_eq!(lifted["setting"], "unset");
        world
            .admin()
            .visit("/benutzerkonto/protokoll")
            .assert_says("Grund: Am Telefon erbeten");
    }
);

on_both!(a_consent_needs_its_evidence, |world| {
    let program = world.program();
    let anna = world.make_recipient("anna@example.org");
    let path = format!("/api/v1/recipients/{anna}/tracking");
    let consent = |day: &str, how: &str, wording: &str, asked: bool| json!({"setting": "consented", "consent": {"given_on": day, "how": how, "wording": wording, "asked": asked}});
    for wrong in [
        json!({"setting": "consented"}),
        consent("2026-11-01", " ", WORDS, false),
        consent("2026-11-01", "Karte", "", false),
        consent("2126-11-01", "Karte", WORDS, false),
        consent("bald", "Karte", WORDS, false),
        consent("1026-11-01", "Karte", WORDS, false),
        consent("03/04/2026", "Karte", WORDS, false),
    ] {
        program.put(&path, &wrong).expect_problem(422, "invalid");
    }
    assert_eq!(world.rows("consents", "1 = 1"), 0);
    let good = consent("2026-11-01", "Karte vom Messestand", WORDS, true);
    for _ in 0..2 {
        assert_eq!(
            program.put(&path, &good).expect(200)["setting"],
            "consented"
        );
    }
    assert_eq!(
        world.rows(
            "consents",
            "form_name = 'Karte vom Messestand (auf unsere Frage)'"
        ),
        1
    );
    program
        .put(&path, &json!({"setting": "unset"}))
        .expect_problem(409, "consent-stands");

    // After a no: neither an older yes, nor one that was asked for.
    program
        .put(&path, &json!({"setting": "objected"}))
        .expect(200);
    assert!(program.get(&path).expect(200)["not_to_be_asked_until"].is_string());
    program.put(&path, &good).expect_problem(422, "invalid");
    let today = jiff::Timestamp::now()
        .in_tz("Europe/Berlin")
        .expect("a zone")
        .strftime("%Y-%m-%d")
        .to_string();
    program
        .put(&path, &consent(&today, "Karte", WORDS, true))
        .expect_problem(422, "invalid");
    program
        .put(&path, &consent(&today, "Karte", WORDS, false))
        .expect(200);
});
