//! *Gruppen*, and the tab of the same name.

use diesel::RunQueryDsl;
use serde_json::json;
use widerspruch::db::models::groups as group_models;
use widerspruch::domain::time::Timestamp;

use super::{add, add_many, group};
use crate::support::{World, on_both};

fn groups_of(world: &World, recipient_id: i64) -> Vec<String> {
    world
        .read(|conn| group_models::of_recipient(conn, world.account_id, recipient_id))
        .into_iter()
        .map(|group| group.name)
        .collect()
}

on_both!(groups_are_made_and_renamed_and_names_are_unique, |world| {
    let admin = world.admin();
    admin.visit("/gruppen").assert_says("Noch keine Gruppen");
    let page = admin.submit("/gruppen", &[("name", " Newsletter ")]);
    page.assert_says("Gruppe angelegt.").assert_says("1 Gruppe");
    admin.submit("/gruppen", &[("name", "Shop")]);
    for (name, problem) in [
        ("newsletter", "Eine Gruppe mit diesem Namen gibt es schon."),
        (" ", "Geben Sie der Gruppe einen Namen."),
    ] {
        let answer = admin.post("/gruppen", &[("name", name)]);
        assert_eq!(answer.status, 422);
        answer.assert_says(problem);
        assert_eq!(answer.attribute("#name", "value").as_deref(), Some(name));
    }
    let groups = world.read(|conn| group_models::all(conn, world.account_id));
    let path = format!("/gruppen/{}", groups[1].id);
    let answer = admin.post(&path, &[("name", "NEWSLETTER")]);
    assert_eq!(answer.status, 422);
    answer.assert_says("Eine Gruppe mit diesem Namen gibt es schon.");
    let page = admin.submit(&path, &[("name", "SHOP")]);
    assert_eq!(page.all("h1"), ["SHOP"], "its own name in other letters");
});

on_both!(names_are_the_same_however_they_are_typed, |world| {
    let admin = world.admin();
    let typed = "\u{feff} Gro\u{308}\u{ad}ße \u{a0}Nord\u{200b} ";
    admin
        .submit("/gruppen", &[("name", typed)])
        .assert_says("Gruppe angelegt.");
    let names = || -> Vec<String> {
        let groups = world.read(|conn| group_models::all(conn, world.account_id));
        groups.into_iter().map(|group| group.name).collect()
    };
    assert_eq!(names(), ["Größe Nord"]);
    let program = world.program();
    for name in [
        "größe nord",
        "GRÖSSE NORD".replace("SS", "ß").as_str(),
        "Größe\u{2060} Nord",
        typed,
    ] {
        let answer = admin.post("/gruppen", &[("name", name)]);
        assert_eq!(answer.status, 422, "{name:?}");
        answer.assert_says("Eine Gruppe mit diesem Namen gibt es schon.");
        program
            .post("/api/v1/groups", &json!({"name": name}))
            .expect_problem(409, "name-taken");
        let known = world.read(|conn| group_models::find_by_name(conn, world.account_id, name));
        assert!(known.is_some(), "{name:?}: as an import finds it");
    }
    for invisible in ["\u{200b}", " \u{feff}\u{2060} "] {
        let answer = admin.post("/gruppen", &[("name", invisible)]);
        assert_eq!(answer.status, 422);
        answer.assert_says("Geben Sie der Gruppe einen Namen.");
    }
    assert_eq!(names().len(), 1);
});

on_both!(
    groups_that_were_let_have_the_same_name_stay_usable,
    |world| {
        // As versions before could make them: one composed, one not, one with a soft hyphen.
        let account = world.account_id;
        for name in ["Größe", "Gro\u{308}ße", "Grö\u{ad}ße"] {
            world.write(|conn| {
                diesel::sql_query(format!(
                    "INSERT INTO groups (account_id, name, name_key, created_at)
                 VALUES ({account}, '{name}', '{}', 1)",
                    name.to_lowercase()
                ))
                .execute(conn)?;
                Ok(())
            });
        }
        let id = add(world, account, "jana@example.org", "", "");
        let groups = world.read(|conn| group_models::all(conn, account));
        assert_eq!(groups.len(), 3);
        let admin = world.admin();
        for group in &groups {
            let path = format!("/gruppen/{}", group.id);
            let renamed = admin.submit(&path, &[("name", &group.name)]);
            renamed.assert_says("Gespeichert.");
            world.write(|conn| {
                group_models::add_members(conn, account, group.id, &[id], Timestamp::now())
            });
        }
        assert_eq!(groups_of(world, id), ["Größe"; 3]);
        let oldest = groups.iter().map(|group| group.id).min();
        let found = world.read(|conn| group_models::find_by_name(conn, account, "größe"));
        assert_eq!(found.map(|group| group.id), oldest);
        // The others are found by the name once the oldest is gone.
        world.write(|conn| group_models::dissolve(conn, account, oldest.unwrap_or_default()));
        let found = world.read(|conn| group_models::find_by_name(conn, account, "größe"));
        assert!(found.is_some_and(|group| Some(group.id) > oldest));
        let other = world.read(|conn| group_models::all(conn, account))[0].id;
        let path = format!("/gruppen/{other}");
        admin
            .submit(&path, &[("name", "Andere")])
            .assert_says("Gespeichert.");
    }
);

on_both!(dissolving_a_group_leaves_its_people, |world| {
    let ids = add_many(world, 3);
    let gone = group(world, "Alt", &ids);
    group(world, "Neu", &ids[..1]);
    let admin = world.admin();
    let path = format!("/gruppen/{gone}/aufloesen");
    admin.visit(&path).assert_says("Ihre 3 Empfänger bleiben");
    admin
        .submit(&path, &[])
        .assert_says("Ihre Empfänger sind weiterhin vorhanden.");
    admin.visit("/empfaenger").assert_says("3 Empfänger");
    assert_eq!(groups_of(world, ids[0]), ["Neu"]);
    assert_eq!(admin.get(&path).status, 404);
});

on_both!(the_tab_changes_the_groups_of_one_recipient, |world| {
    let id = add(world, world.account_id, "jana@example.org", "", "");
    let stays = group(world, "Bleibt", &[id]).to_string();
    let leaves = group(world, "Geht", &[id]).to_string();
    let comes = group(world, "Kommt", &[]).to_string();
    let admin = world.admin();
    let path = format!("/empfaenger/{id}/gruppen");
    let page = admin.visit(&path);
    assert_eq!(page.all("label.choice__label"), ["Bleibt", "Geht", "Kommt"]);
    // This one comes while the page is open: the form says nothing about it.
    group(world, "Inzwischen", &[id]);
    let form = [
        ("gezeigt", stays.as_str()),
        ("gezeigt", leaves.as_str()),
        ("gezeigt", comes.as_str()),
        ("gruppen", stays.as_str()),
        ("gruppen", comes.as_str()),
    ];
    let page = admin.submit(&path, &form);
    page.assert_says("Gespeichert.");
    assert_eq!(groups_of(world, id), ["Bleibt", "Inzwischen", "Kommt"]);
    let counts = world.read(|conn| group_models::all(conn, world.account_id));
    let counts: Vec<_> = counts
        .iter()
        .map(|g| (g.name.as_str(), g.member_count))
        .collect();
    assert_eq!(
        counts,
        [("Bleibt", 1), ("Geht", 0), ("Inzwischen", 1), ("Kommt", 1)]
    );
});
