//! Mailings and reports are what the pages show.

use serde_json::Value;
use widerspruch::domain::tracking::Decision;

use crate::support::on_both;

on_both!(mailings_are_read, |world| {
    let program = world.program();
    let older = world.make_sent_mailing("Älteres", 1);
    let newer = world.make_sent_mailing("Neues", 1);
    let list = program.get("/api/v1/mailings").expect(200);
    assert_eq!(list["items"][0]["id"], newer);
    assert_eq!(list["items"][1]["subject"], "Älteres");
    assert!(list["items"][0].get("html").is_none());
    let mailing = program
        .get(&format!("/api/v1/mailings/{older}"))
        .expect(200);
    assert_eq!(mailing["html"], "<p>Guten Tag</p>");
    assert_eq!(mailing["status"], "sent");
    assert_eq!(mailing["scheduled_at"], Value::Null);
    program
        .get("/api/v1/mailings/4711")
        .expect_problem(404, "not-found");
    program
        .get("/api/v1/mailings/x")
        .expect_problem(404, "not-found");
});

on_both!(reports_say_what_the_page_says, |world| {
    let program = world.program();
    let mailing = world.make_sent_mailing("Neues", 2);
    let anna = world.make_recipient("anna@example.org");
    let key = world.deliver(mailing, anna, Decision::Personal);
    for n in 0..6 {
        let id = world.make_recipient(&format!("p{n}@example.org"));
        world.deliver(mailing, id, Decision::Anonymous);
    }
    let visitor = world.visitor();
    visitor.get(&world.pixel(mailing, key));
    visitor.get(&world.pixel(mailing, key));
    visitor.get(&world.click(mailing, key, 1));
    for _ in 0..7 {
        visitor.get(&world.pixel(mailing, None));
    }
    visitor.get(&world.click(mailing, None, 2));
    let report = program
        .get(&format!("/api/v1/reports/{mailing}"))
        .expect(200);
    assert_eq!(report["handed"], 7);
    assert_eq!(report["measured_personally"], 1);
    assert_eq!(report["counted_anonymously"], 6);
    assert_eq!(report["opens"]["personal"], 2);
    assert_eq!(report["opens"]["unique"], 1);
    assert_eq!(report["opens"]["anonymous"], 7);
    // One click of six people could be anybody's; the page keeps it back, too.
    assert_eq!(report["clicks"]["anonymous"], Value::Null);
    assert!(
        report["links"]
            .as_array()
            .expect("links")
            .iter()
            .all(|link| link["clicks"]["anonymous"].is_null())
    );
    assert_eq!(
        report["links"][0]["url"],
        "https://shop.example/1?a=1&b=2#c"
    );
    let opens: i64 = report["hours"]
        .as_array()
        .expect("hours")
        .iter()
        .filter_map(|hour| hour["opens"]["personal"].as_i64())
        .sum();
    assert_eq!(opens, 2);
    assert_eq!(report["is_complete"], true);
    assert!(!report.to_string().contains("anna@"));
});

on_both!(a_small_group_is_told_nowhere, |world| {
    let program = world.program();
    let mailing = world.make_sent_mailing("Klein", 1);
    for n in 0..4 {
        let id = world.make_recipient(&format!("p{n}@example.org"));
        world.deliver(mailing, id, Decision::Anonymous);
    }
    let visitor = world.visitor();
    for _ in 0..40 {
        visitor.get(&world.pixel(mailing, None));
    }
    let report = program
        .get(&format!("/api/v1/reports/{mailing}"))
        .expect(200);
    assert_eq!(report["opens"]["anonymous"], Value::Null);
    assert!(!report.to_string().contains(":40"), "{report}");
});
