//! What happens in a history, chosen at random.

use std::collections::BTreeSet;

use proptest::prelude::*;
use widerspruch::domain::bounce::BounceKind;
use widerspruch::domain::tracking::TrackingMode;
use widerspruch::tracking::device::Device;

use super::{LINKS, MAILINGS, PEOPLE};

/// One thing that happens. Numbers choose among people, mailings and mails there are.
#[derive(Debug, Clone)]
pub enum Step {
    Deliver { person: usize, mailing: usize },
    Hit { mail: usize, what: What },
    AnonymousHit { mailing: usize, what: What },
    HoursPass(i64),
    SetMode(TrackingMode),
    CountAnonymously(bool),
    Object(usize),
    Allow(usize),
    Unsubscribe { person: usize, mailing: usize },
    ComeBack { mail: usize, kind: BounceKind },
    Pseudonymise(usize),
    Delete(BTreeSet<usize>),
    Enter(usize),
}

#[derive(Debug, Clone, Copy)]
pub struct What {
    /// 0 is an open, others are links.
    pub link: u16,
    pub device: usize,
    pub automatic: bool,
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let what = (0..=LINKS, 0..Device::ALL.len(), prop::bool::weighted(0.15)).prop_map(
        |(link, device, automatic)| What {
            link,
            device,
            automatic,
        },
    );
    let person = 0..PEOPLE;
    let mailing = 0..MAILINGS;
    let mode = prop_oneof![
        4 => Just(TrackingMode::Active),
        1 => Just(TrackingMode::Off),
        1 => Just(TrackingMode::Consent),
    ];
    let kind = prop_oneof![
        Just(BounceKind::Hard),
        Just(BounceKind::Soft),
        Just(BounceKind::Complaint),
    ];
    let step = prop_oneof![
        12 => (person.clone(), mailing.clone())
            .prop_map(|(person, mailing)| Step::Deliver { person, mailing }),
        20 => (0_usize..20, what.clone()).prop_map(|(mail, what)| Step::Hit { mail, what }),
        3 => (mailing.clone(), what)
            .prop_map(|(mailing, what)| Step::AnonymousHit { mailing, what }),
        4 => (1_i64..30).prop_map(Step::HoursPass),
        2 => mode.prop_map(Step::SetMode),
        1 => any::<bool>().prop_map(Step::CountAnonymously),
        2 => person.clone().prop_map(Step::Object),
        2 => person.clone().prop_map(Step::Allow),
        8 => (0_usize..20, kind).prop_map(|(mail, kind)| Step::ComeBack { mail, kind }),
        1 => (person.clone(), mailing)
            .prop_map(|(person, mailing)| Step::Unsubscribe { person, mailing }),
        3 => person.clone().prop_map(Step::Pseudonymise),
        3 => prop::collection::btree_set(person.clone(), 1..3).prop_map(Step::Delete),
        5 => person.prop_map(Step::Enter),
    ];
    prop::collection::vec(step, 10..60)
}
