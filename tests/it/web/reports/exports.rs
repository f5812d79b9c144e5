//! Files of reports: complete, one state of the data, without formulas, and written down.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary};
use widerspruch::db::models::audit;
use widerspruch::domain::role::{Role, Roles};
use widerspruch::domain::tracking::Decision;

use crate::support::{World, on_both};

/// What the audit log says about files, newest first.
fn noted(world: &World) -> Vec<(String, serde_json::Value)> {
    world
        .read(|conn| audit::newest(conn, world.account_id, 50))
        .into_iter()
        .filter(|entry| entry.action == "report_exported")
        .map(|entry| {
            let details = serde_json::from_str(&entry.details).expect("details");
            (entry.actor, details)
        })
        .collect()
}

on_both!(a_long_file_comes_whole_and_in_pieces, |world| {
    const PSEUDONYMS: usize = 5_300;
    let mailing = world.make_sent_mailing("Herbstbrief", 1);
    let anna = world.make_recipient("anna@example.org");
    let key = world.deliver(mailing, anna, Decision::Personal);
    world.visitor().get(&world.click(mailing, key, 1));
    world.write(|conn| {
        for n in 0..PSEUDONYMS as u128 {
            sql_query(
                "INSERT INTO deliveries (account_id, mailing_id, pseudonym, policy, status)
                 VALUES ($1, $2, $3, 'personal', 'handed')",
            )
            .bind::<BigInt, _>(world.account_id)
            .bind::<BigInt, _>(mailing)
            .bind::<Binary, _>((n << 100 | n).to_be_bytes().to_vec())
            .execute(conn)?;
        }
        Ok(())
    });
    let admin = world.admin();
    let file = admin.visit(&format!("/analysen/{mailing}/aktivitaet.csv"));
    assert_eq!(file.header("transfer-encoding"), Some("chunked"));
    let text = file.html();
    assert_eq!(
        text.matches('\u{feff}').count(),
        1,
        "one mark, at the beginning"
    );
    let text = file.rows();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines.len(),
        PSEUDONYMS + 2,
        "head, Anna, and everybody else"
    );
    assert!(lines[1].starts_with("anna@example.org;"));
    let mut pseudonyms = lines[2..].to_vec();
    pseudonyms.dedup();
    assert_eq!(pseudonyms.len(), PSEUDONYMS, "nobody twice");
    assert!(pseudonyms.iter().all(|line| line.starts_with("Pseudonym ")));

    let chosen = admin.visit(&format!(
        "/analysen/{mailing}/aktivitaet.csv?aktivitaet=link-1"
    ));
    assert_eq!(chosen.html().lines().count(), 2, "the head and Anna");
});

on_both!(who_takes_data_away_is_in_the_audit_log, |world| {
    let mailing = world.make_sent_mailing("Herbstbrief", 0);
    world.make_user("leser@example.org", Roles::NONE.with(Role::Reports));
    let reader = world.signed_in("leser@example.org");
    reader.visit(&format!("/analysen/{mailing}"));
    assert_eq!(noted(world), [], "looking is not taking away");
    reader.visit(&format!("/analysen/{mailing}/kennzahlen.csv"));
    reader.visit(&format!(
        "/analysen/{mailing}/aktivitaet.csv?aktivitaet=geoeffnet"
    ));
    assert_eq!(reader.get("/analysen/4711/aktivitaet.csv").status, 404);
    let noted = noted(world);
    let details: Vec<_> = noted.iter().map(|(_, details)| details.clone()).collect();
    assert_eq!(
        details,
        [
            serde_json::json!({ "mailing": mailing, "export": "activity", "filter": "geoeffnet" }),
            serde_json::json!({ "mailing": mailing, "export": "figures" }),
        ]
    );
    assert!(noted.iter().all(|(actor, _)| *actor == noted[0].0));
});

on_both!(no_cell_of_the_figures_is_a_formula, |world| {
    let mailing = world.make_sent_mailing("=HYPERLINK(\"https://evil.example\")", 0);
    let text = world
        .admin()
        .visit(&format!("/analysen/{mailing}/kennzahlen.csv"))
        .html();
    for line in text.trim_start_matches('\u{feff}').lines() {
        for cell in line.split(';') {
            let cell = cell.trim_start_matches('"');
            assert!(
                !cell.starts_with(['=', '+', '-', '@', '\t', '\r']),
                "{line}"
            );
        }
    }
    assert!(text.contains("'=HYPERLINK"));
});
