//! *Gruppen*, and the tab of the same name.

use widerspruch::db::models::groups as group_models;

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
