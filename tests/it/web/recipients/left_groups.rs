//! Who left a group by themselves stays out, whatever way leads into the group.

use serde_json::json;
use widerspruch::db::models::audit::{self, Action};
use widerspruch::db::models::{group_leavings, groups as group_models};
use widerspruch::tracking::token::PersonalLink;

use super::{add, group};
use crate::support::import::import;
use crate::support::{World, on_both};
use crate::web::public::personal;

/// Vera was in the group *Aktionen* and left it, on her own page.
struct Vera {
    id: i64,
    group: i64,
    page: String,
}

impl Vera {
    fn new(world: &World) -> Self {
        let id = add(world, world.account_id, "vera@example.org", "Vera", "");
        let group = group(world, "Aktionen", &[id]);
        let mailing = world.make_sent_mailing("Herbstbrief", 1);
        let page = personal(world, PersonalLink::Preferences, mailing, id);
        let form = [("gruppe", group.to_string())];
        let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (*n, v.as_str())).collect();
        world.visitor().submit(&format!("{page}/gruppen"), &form);
        let vera = Self { id, group, page };
        assert!(!vera.is_in(world));
        vera
    }

    fn is_in(&self, world: &World) -> bool {
        let (members, counted) = world.read(|conn| {
            let group = group_models::find(conn, world.account_id, self.group)?;
            let of = group_models::of_recipient(conn, world.account_id, self.id)?;
            Ok((
                of.iter().any(|one| one.id == self.group),
                group.member_count,
            ))
        });
        assert_eq!(counted, i64::from(members));
        members
    }

    fn leavings(&self, world: &World) -> usize {
        world
            .read(|conn| group_leavings::of_recipient(conn, world.account_id, self.id))
            .len()
    }
}

on_both!(
    no_import_puts_somebody_back_into_a_group_they_left,
    |world| {
        let vera = Vera::new(world);
        let text = "E-Mail;Vorname\nneu@example.org;Nina\nVERA@example.org;Verena\n";
        let done = import(world, text, Some(vera.group));
        assert_eq!(
            (done.added, done.updated, done.refused, done.not_rejoined),
            (1, 1, 0, 1)
        );
        let of = world.read(|conn| group_models::of_recipient(conn, world.account_id, vera.id));
        assert!(of.is_empty());
        assert_eq!(
            world.rows("recipients", "first_name = 'Verena'"),
            1,
            "the rest is taken"
        );
        // The report names person and group.
        let page = world
            .admin()
            .visit(&format!("/empfaenger/import/{}", done.id));
        page.assert_says("nicht aber die 1, die sie selbst verlassen haben")
            .assert_says("VERA@example.org")
            .assert_says("Hat die Gruppe „Aktionen“ selbst verlassen");
        // Twice is the same, and another group is no matter.
        assert_eq!(import(world, text, Some(vera.group)).not_rejoined, 1);
        let other = group(world, "Shop", &[]);
        assert_eq!(import(world, text, Some(other)).not_rejoined, 0);
        let of = world.read(|conn| group_models::of_recipient(conn, world.account_id, vera.id));
        assert_eq!(of.len(), 1);
    }
);

on_both!(
    no_program_puts_somebody_back_into_a_group_they_left,
    |world| {
        let vera = Vera::new(world);
        let path = format!("/api/v1/groups/{}/members/{}", vera.group, vera.id);
        let problem = world.program().put(&path, &json!({})).expect(409);
        assert_eq!(problem["type"], "/api/v1/problems/left-group");
        let detail = problem["detail"].as_str().expect("a text");
        for named in [vera.id, vera.group] {
            assert!(detail.contains(&named.to_string()), "{detail}");
        }
        assert!(!vera.is_in(world));
    }
);

on_both!(only_a_reason_puts_somebody_back_on_the_tab, |world| {
    let vera = Vera::new(world);
    let admin = world.admin();
    let tab = format!("/empfaenger/{}/gruppen", vera.id);
    let page = admin.visit(&tab);
    page.assert_says("Selbst verlassene Gruppen")
        .assert_says("Aktionen, verlassen am");
    assert!(page.all("label.choice__label").is_empty(), "no box to tick");
    // A page that was opened before she left.
    let group = vera.group.to_string();
    admin
        .submit(&tab, &[("gezeigt", &group), ("gruppen", &group)])
        .assert_says("die dieser Empfänger selbst verlassen hat");
    assert!(!vera.is_in(world));

    let readmit = format!("{tab}/wieder-aufnehmen");
    for (reason, problem) in [
        ("  ", "Geben Sie an, warum"),
        ("vera@example.org rief an", "Bitte ohne E-Mail-Adresse"),
    ] {
        let answer = admin.post(&readmit, &[("gruppe", &group), ("grund", reason)]);
        assert_eq!(answer.status, 422);
        answer.assert_says(problem);
        assert!(!vera.is_in(world));
    }
    assert_eq!(
        admin
            .post(&readmit, &[("gruppe", "4711"), ("grund", "x")])
            .status,
        303
    );
    let form = [
        ("gruppe", group.as_str()),
        ("grund", "hat am Telefon darum gebeten"),
    ];
    admin
        .submit(&readmit, &form)
        .assert_says("Wieder in die Gruppe aufgenommen.");
    assert!(vera.is_in(world));
    assert_eq!(vera.leavings(world), 0);
    let entries = world.read(|conn| audit::of_recipient(conn, world.account_id, vera.id));
    let last = entries.last().expect("an entry");
    assert_eq!(last.action, Action::RecipientReadmitted.as_str());
    assert!(last.details.contains("hat am Telefon darum gebeten"));
    // She can leave again.
    world
        .visitor()
        .submit(&format!("{}/gruppen", vera.page), &[("gruppe", &group)]);
    assert!(!vera.is_in(world));
    assert_eq!(vera.leavings(world), 1);
});

on_both!(
    p7_what_somebody_left_goes_with_them_and_is_theirs_to_see,
    |world| {
        let vera = Vera::new(world);
        let visitor = world.visitor();
        visitor
            .visit(&format!("{}/daten", vera.page))
            .assert_says("Verlassene Gruppen");
        assert!(
            visitor
                .get(&format!("{}/daten.json", vera.page))
                .text()
                .contains("verlassene_gruppen")
        );
        let admin = world.admin();
        admin.submit(&format!("/empfaenger/{}/loeschen", vera.id), &[]);
        assert_eq!(world.rows("group_leavings", "1 = 1"), 0);
    }
);
