//! Tab *Verlauf*.

use widerspruch::domain::tracking::Decision;

use super::add;
use crate::support::on_both;

on_both!(without_mailings_the_tab_says_what_it_will_show, |world| {
    let id = add(world, world.account_id, "jana@example.org", "", "");
    let page = world.admin().visit(&format!("/empfaenger/{id}/verlauf"));
    page.assert_says("Noch nichts versendet");
    assert_eq!(page.all(".tabs a[aria-current]"), ["Verlauf"]);
});

on_both!(what_was_sent_opened_and_clicked_is_there, |world| {
    let id = world.make_recipient("jana@example.org");
    let measured = world.make_sent_mailing("Herbstbrief", 1);
    let unmeasured = world.make_sent_mailing("Winterbrief", 1);
    let key = world.deliver(measured, id, Decision::Personal);
    world.deliver(unmeasured, id, Decision::Anonymous);
    let reader = world.visitor();
    reader.get(&world.pixel(measured, key));
    reader.get(&world.pixel(measured, key));
    reader.get(&world.click(measured, key, 1));
    let page = world.admin().visit(&format!("/empfaenger/{id}/verlauf"));
    assert_eq!(page.all("tbody th"), ["Winterbrief", "Herbstbrief"]);
    let cells = page.all("tbody tr:last-child td.number");
    assert_eq!(cells, ["2", "1"]);
    let cells = page.all("tbody tr:first-child td:last-child");
    assert_eq!(cells, ["ohne personenbezogenes Tracking"]);
});
