//! *Benutzerkonto*: documented procedure 1.

use crate::support::on_both;

on_both!(tracking_is_switched_off_for_the_account, |world| {
    let admin = world.admin();
    admin
        .visit("/benutzerkonto")
        .assert_says("Personenbez. Tracking");
    let page = admin.visit("/benutzerkonto/tracking");
    assert!(
        page.all("button")
            .contains(&"Tracking deaktivieren".to_owned())
    );
    let page = admin.submit("/benutzerkonto/tracking/deaktivieren", &[]);
    page.assert_says("Deaktiviert seit")
        .assert_says("durch Eva Admin");
    assert!(
        page.all("button")
            .contains(&"Tracking aktivieren".to_owned())
    );
    let page = admin.submit("/benutzerkonto/tracking/aktivieren", &[]);
    assert!(
        page.all("button")
            .contains(&"Tracking deaktivieren".to_owned())
    );

    let entries =
        world.read(|conn| widerspruch::db::models::audit::newest(conn, world.account_id, 10));
    let actions: Vec<_> = entries
        .iter()
        .map(|entry| (entry.action.as_str(), entry.actor.as_str()))
        .collect();
    assert_eq!(
        actions,
        [
            ("account_tracking_on", "Eva Admin"),
            ("account_tracking_off", "Eva Admin")
        ],
        "p11: every change is in the audit log"
    );
});

on_both!(what_remains_can_be_chosen, |world| {
    let admin = world.admin();
    let page = admin.submit(
        "/benutzerkonto/tracking/einstellungen",
        &[("rest", "nichts")],
    );
    page.assert_says("Gespeichert.");
    assert_eq!(
        page.attribute("input[name=rest][checked]", "value")
            .as_deref(),
        Some("nichts")
    );
    assert_eq!(page.attribute("#remember", "checked"), None);
});
