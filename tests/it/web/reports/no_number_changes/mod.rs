//! Rule P5: pseudonymising and deleting change no figure of any report, whatever went before.
//!
//! Random histories ([`steps`]) run against the real recorder and the real acts ([`history`]), beside
//! a small [`model`] of what must come out. After every act that cuts somebody off, every report is
//! compared three ways ([`comparison`]): with itself before the act (rendered pages and files, byte
//! for byte), with the raw rows, and with the model, which knows nothing of counters.

mod comparison;
mod history;
mod model;
mod steps;

use proptest::test_runner::{Config, TestRunner};

use crate::support::on_both;
use history::History;
use steps::steps;

const PEOPLE: usize = 5;
const MAILINGS: usize = 3;
const LINKS: u16 = 2;

on_both!(p5_no_history_makes_a_figure_change, |world| {
    let admin = world.admin();
    let number = std::cell::Cell::new(0);
    let cuts = std::cell::Cell::new(0);
    let cases = std::env::var("TEST_HISTORIES").map_or(16, |n| n.parse().expect("a number"));
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&steps(), |steps| {
        number.set(number.get() + 1);
        let mut history = History::new(world, &admin, number.get());
        for step in &steps {
            history.take(step);
        }
        // Whatever else happened, in the end everybody goes.
        history.delete(&(0..PEOPLE).collect());
        cuts.set(cuts.get() + history.cuts);
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(cuts.get() > number.get(), "histories cut people off");
    assert!(
        world.rows("events", "1 = 1") > 0,
        "and measured them before"
    );
    assert!(
        world.rows("deliveries", "bounce IS NOT NULL") > 0,
        "some mails came back"
    );
    assert_eq!(
        world.rows("deliveries", "recipient_id IS NOT NULL"),
        0,
        "everybody is gone"
    );
});
