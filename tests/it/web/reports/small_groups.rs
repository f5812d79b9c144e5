//! No anonymous count that could point at one person is shown, on no page and in no file; and
//! pseudonymising neither reveals nor hides one (rule P5).

use widerspruch::db::models::audit::Actor;
use widerspruch::domain::secret::Random128;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::Decision;
use widerspruch::tracking::pseudonymise;

use super::{row, squeeze};
use crate::support::{World, on_both};

/// A mailing to one person who is tracked, and to so many who are not.
fn mailing_to(world: &World, subject: &str, anonymous: usize) -> (i64, i64, Option<Random128>) {
    let mailing = world.make_sent_mailing(subject, 2);
    let anna = world.make_recipient(&format!("anna-{subject}@example.org"));
    let key = world.deliver(mailing, anna, Decision::Personal);
    for n in 0..anonymous {
        let id = world.make_recipient(&format!("p{n}-{subject}@example.org"));
        world.deliver(mailing, id, Decision::Anonymous);
    }
    (mailing, anna, key)
}

fn shown(world: &World, mailing: i64) -> Vec<String> {
    ["", "/e-mail", "/e-mail/inhalt", "/kennzahlen.csv"]
        .map(|page| {
            world
                .admin()
                .visit(&format!("/analysen/{mailing}{page}"))
                .html()
        })
        .to_vec()
}

/// No cell of a page or file of this mailing is that number.
#[track_caller]
fn assert_told_nowhere(world: &World, mailing: i64, number: i64) {
    let admin = world.admin();
    let number = number.to_string();
    for page in ["", "/e-mail"] {
        let page = admin.visit(&format!("/analysen/{mailing}{page}"));
        let cells = page.all("td, dd, dd *, .chart__y li");
        assert!(cells.len() > 3 && !cells.contains(&number), "{cells:?}");
    }
    let file = admin.visit(&format!("/analysen/{mailing}/kennzahlen.csv"));
    let told = format!(";{number}");
    assert!(!file.rows().lines().any(|line| line.ends_with(&told)));
}

on_both!(nothing_anonymous_is_told_of_a_small_group, |world| {
    let (mailing, anna, key) = mailing_to(world, "Kleingruppe", 4);
    let visitor = world.visitor();
    visitor.get(&world.pixel(mailing, key));
    for _ in 0..40 {
        visitor.get(&world.pixel(mailing, None));
        visitor.get(&world.click(mailing, None, 1));
    }
    let admin = world.admin();
    let page = admin.visit(&format!("/analysen/{mailing}"));
    page.assert_says("Anonyme Werte unter 5 werden nirgends genannt, und wo weniger als 5");
    assert_eq!(squeeze(&row(&page, "Öffnungen")), "Öffnungen11–01Empfänger");
    assert_eq!(squeeze(&row(&page, "Klicks")), "Klicks00–00Empfänger");
    assert!(row(&page, "https://shop.example/1").contains('–'));
    assert_told_nowhere(world, mailing, 40);

    // Whoever is pseudonymised is counted anonymously from then on: the figures stay as they are.
    let before = shown(world, mailing);
    world.write(|conn| {
        pseudonymise::pseudonymise_recipient(
            conn,
            world.account_id,
            anna,
            &Actor::Program("test"),
            Timestamp::now(),
        )
    });
    assert_eq!(shown(world, mailing), before);
    for _ in 0..9 {
        visitor.get(&world.pixel(mailing, key));
    }
    assert!(
        world.rows("mailing_hours", "anonymous = 49") > 0,
        "counted all the same"
    );
    assert_eq!(shown(world, mailing), before);
});

on_both!(no_small_count_is_told_of_a_larger_group, |world| {
    let (mailing, ..) = mailing_to(world, "Gruppe", 5);
    let visitor = world.visitor();
    for _ in 0..3 {
        visitor.get(&world.pixel(mailing, None));
    }
    for _ in 0..31 {
        visitor.get(&world.click(mailing, None, 1));
    }
    visitor.get(&world.click(mailing, None, 2));
    let admin = world.admin();
    let page = admin.visit(&format!("/analysen/{mailing}"));
    assert_eq!(
        squeeze(&row(&page, "Öffnungen")),
        "Öffnungen00<500Empfänger"
    );
    assert_eq!(squeeze(&row(&page, "Klicks")), "Klicks3203200Empfänger");
    // 31 would tell the other one: 32 less 31.
    assert!(row(&page, "https://shop.example/1").contains("< 5"));
    assert!(row(&page, "https://shop.example/2").contains("< 5"));
    let file = admin
        .visit(&format!("/analysen/{mailing}/kennzahlen.csv"))
        .rows();
    assert!(file.contains("Gesamt;Gruppe;Klicks, anonym;32"), "{file}");
    assert!(
        file.contains("Link;https://shop.example/2?a=1&b=2#c;Klicks, anonym;< 5"),
        "{file}"
    );
    assert_told_nowhere(world, mailing, 31);
});

on_both!(a_receipt_tells_no_more_than_the_report, |world| {
    let (mailing, anna, _) = mailing_to(world, "Beleg", 2);
    let visitor = world.visitor();
    for _ in 0..27 {
        visitor.get(&world.pixel(mailing, None));
    }
    let receipt = world.admin().post(
        &format!("/empfaenger/{anna}/tracking/pseudonymisieren"),
        &[],
    );
    let page = world.admin().visit(&receipt.location().expect("a receipt"));
    assert!(row(&page, "Öffnungen, anonym").contains('–'));
    let cells = page.all("td");
    assert!(!cells.contains(&"27".to_owned()), "{cells:?}");
});
