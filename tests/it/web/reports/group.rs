//! *Gruppe aus Auswahl*: only of people who were measured personally and may be now; and nothing
//! is left of it once their past is pseudonymised.

use diesel::prelude::*;
use widerspruch::db::models::audit::{self, Actor};
use widerspruch::db::models::groups;
use widerspruch::db::schema::memberships;
use widerspruch::domain::role::{Role, Roles};
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::{Decision, TrackingMode, TrackingSource};
use widerspruch::tracking::{pseudonymise, settings};

use crate::support::{World, on_both};

const TEST: Actor = Actor::Program("test");

/// A mailing that was opened by all of them, and clicked by the first: Anna, Ben who objected
/// since, Cem who was pseudonymised since; and to Dora, who is counted anonymously, and Emil, who
/// did nothing.
fn read_mailing(world: &World) -> (i64, i64, i64) {
    let mailing = world.make_sent_mailing("Herbstbrief", 2);
    let person = |name: &str| world.make_recipient(&format!("{name}@example.org"));
    let [anna, ben, cem, dora, emil] = ["anna", "ben", "cem", "dora", "emil"].map(person);
    let visitor = world.visitor();
    for id in [anna, ben, cem] {
        let key = world.deliver(mailing, id, Decision::Personal);
        visitor.get(&world.pixel(mailing, key));
        if id == anna {
            visitor.get(&world.click(mailing, key, 2));
        }
    }
    world.deliver(mailing, dora, Decision::Anonymous);
    world.deliver(mailing, emil, Decision::Personal);
    visitor.get(&world.pixel(mailing, None));
    let (account, now) = (world.account_id, Timestamp::now());
    world.write(|conn| {
        settings::object(conn, account, ben, TrackingSource::Admin, &TEST, now)?;
        pseudonymise::pseudonymise_recipient(conn, account, cem, &TEST, now)
    });
    (mailing, anna, emil)
}

fn members(world: &World, group: &str) -> Vec<i64> {
    world.read(|conn| {
        let group = groups::find_by_name(conn, world.account_id, group)?.expect("the group");
        let ids: Vec<i64> = memberships::table
            .filter(memberships::group_id.eq(group.id))
            .order(memberships::recipient_id)
            .select(memberships::recipient_id)
            .load(conn)?;
        assert_eq!(i64::try_from(ids.len()), Ok(group.member_count));
        Ok(ids)
    })
}

on_both!(a_group_is_made_of_those_who_may_be_known, |world| {
    let (mailing, anna, emil) = read_mailing(world);
    let admin = world.admin();
    let list = admin.visit(&format!(
        "/analysen/{mailing}/aktivitaet?aktivitaet=geoeffnet"
    ));
    let path = format!("/analysen/{mailing}/aktivitaet/gruppe");
    let asked = format!("{path}?aktivitaet=geoeffnet");
    assert!(
        list.all(".page-head a")
            .contains(&"Gruppe aus Auswahl".to_owned())
    );
    let page = admin.visit(&asked);
    assert_eq!(page.all(".consequences li").len(), 5);
    page.assert_says("1 Empfänger kommt in die neue Gruppe")
        .assert_says("1 Empfänger bleibt draußen")
        .assert_says("1 Pseudonym bleibt draußen")
        .assert_says("1 Empfänger dieses E-Mailings wurde nicht personenbezogen gemessen");
    assert_eq!(world.rows("groups", "1 = 1"), 0, "nothing is done yet");

    let nameless = admin.post(&path, &[("aktivitaet", "geoeffnet"), ("name", " ")]);
    assert_eq!(nameless.status, 422);
    nameless.assert_says("Geben Sie der Gruppe einen Namen.");
    let made = admin.post(&path, &[("aktivitaet", "geoeffnet"), ("name", "Leser")]);
    assert_eq!(made.status, 303);
    assert!(made.location().expect("on to it").starts_with("/gruppen/"));
    assert_eq!(members(world, "Leser"), [anna]);
    let again = admin.post(&path, &[("aktivitaet", "geoeffnet"), ("name", "leser")]);
    assert_eq!(again.status, 422);
    again.assert_says("Eine Gruppe mit diesem Namen gibt es schon.");
    for (filter, name, expected) in [
        ("link-2", "Zweiter Link", anna),
        ("geklickt", "Klicks", anna),
        ("nichts", "Stille", emil),
    ] {
        admin.post(&path, &[("aktivitaet", filter), ("name", name)]);
        assert_eq!(members(world, name), [expected], "{filter}");
    }
    let noted = world.read(|conn| audit::newest(conn, world.account_id, 50));
    let noted: Vec<_> = noted
        .iter()
        .filter(|entry| entry.action == "group_made_of_activity")
        .collect();
    assert_eq!(noted.len(), 4);
    let details: serde_json::Value = serde_json::from_str(&noted[3].details).expect("details");
    assert_eq!(
        (
            &details["mailing"],
            &details["filter"],
            &details["recipients"]
        ),
        (&mailing.into(), &"geoeffnet".into(), &1.into())
    );
});

on_both!(
    no_group_is_made_of_those_of_whom_nothing_is_known,
    |world| {
        let (mailing, ..) = read_mailing(world);
        let path = format!("/analysen/{mailing}/aktivitaet/gruppe");
        let admin = world.admin();
        for filter in ["", "ohne", "zurueck", "link-1", "link-x"] {
            let form = [("aktivitaet", filter), ("name", "Niemand")];
            assert_eq!(admin.post(&path, &form).status, 303, "{filter}");
        }
        for filter in ["", "ohne", "zurueck"] {
            let page = admin.visit(&format!(
                "/analysen/{mailing}/aktivitaet?aktivitaet={filter}"
            ));
            assert!(
                !page
                    .all(".page-head a")
                    .contains(&"Gruppe aus Auswahl".to_owned())
            );
        }
        let now = Timestamp::now();
        world.write(|conn| {
            settings::set_account_mode(conn, world.account_id, TrackingMode::Off, &TEST, now)
        });
        admin
            .visit(&format!("{path}?aktivitaet=geoeffnet"))
            .assert_says("Niemand für eine Gruppe");
        admin.post(&path, &[("aktivitaet", "geoeffnet"), ("name", "Niemand")]);
        assert_eq!(world.rows("groups", "1 = 1"), 0);
    }
);

on_both!(whoever_may_not_enter_people_makes_no_group, |world| {
    let (mailing, ..) = read_mailing(world);
    world.make_user("leser@example.org", Roles::NONE.with(Role::Reports));
    let reader = world.signed_in("leser@example.org");
    let path = format!("/analysen/{mailing}/aktivitaet/gruppe");
    assert_eq!(
        reader.get(&format!("{path}?aktivitaet=geoeffnet")).status,
        403
    );
    let form = [("aktivitaet", "geoeffnet"), ("name", "Leser")];
    assert_eq!(reader.post(&path, &form).status, 403);
    let list = reader.visit(&format!(
        "/analysen/{mailing}/aktivitaet?aktivitaet=geoeffnet"
    ));
    assert!(
        !list
            .all(".page-head a")
            .contains(&"Gruppe aus Auswahl".to_owned())
    );
    world.make_account("Andere AG", "chef@example.net");
    let other = world.signed_in("chef@example.net");
    assert_eq!(
        other.get(&format!("{path}?aktivitaet=geoeffnet")).status,
        404
    );
    assert_eq!(world.rows("groups", "1 = 1"), 0);
});

on_both!(p6_a_group_no_longer_tells_what_was_pseudonymised, |world| {
    let (mailing, anna, _) = read_mailing(world);
    let admin = world.admin();
    let (account, now) = (world.account_id, Timestamp::now());
    world.write(|conn| {
        let group = groups::create(conn, account, "Von Hand", now)?;
        groups::add_members(conn, account, group, &[anna], now)
    });
    let form = [("aktivitaet", "geoeffnet"), ("name", "Leser")];
    admin.post(&format!("/analysen/{mailing}/aktivitaet/gruppe"), &form);
    assert_eq!(members(world, "Leser"), [anna]);
    world.write(|conn| pseudonymise::pseudonymise_recipient(conn, account, anna, &TEST, now));
    assert_eq!(members(world, "Leser"), Vec::<i64>::new());
    assert_eq!(members(world, "Von Hand"), [anna], "others stay");
});
