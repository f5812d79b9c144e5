//! Every route of the table, walked by everybody: with each role alone, with none, signed out, and
//! from another account; with numbers that are one's own, somebody else's, and nobody's.
//!
//! A route that is new in the table has to be shown an example here, or the walk fails.

mod page;

use std::collections::BTreeSet;

use actix_web::http::Method;
use widerspruch::domain::role::{Role, Roles};
use widerspruch::routes::{Entry, entries};
use widerspruch::web::access::Access;

use page::{Form, entry_of, forms, links};

use super::furnished::Furnished;
use crate::support::agent::{Agent, Answer};
use crate::support::{World, on_both};

/// A number that nothing has.
const NOTHING: &str = "987654321";

/// Ends the walker's session.
const SIGN_OUT: &str = "/abmelden-sitzung";

/// Without a first step, the second one of signing in leads to it.
const SECOND_STEP: &str = "/anmelden/code";

/// Sessions come and go with the walkers.
const NOT_COMPARED: &[&str] = &["sessions"];

/// Somebody who walks.
struct Walker {
    name: String,
    /// What they may do; nothing when nobody is signed in.
    roles: Option<Roles>,
    agent: Agent,
}

impl Walker {
    fn signed_out(world: &World) -> Self {
        Self {
            name: "nobody".to_owned(),
            roles: None,
            agent: world.visitor(),
        }
    }

    /// With each role alone, and with none, in that account.
    fn of_account(world: &World, account_id: i64) -> Vec<Self> {
        let alone = Role::ALL.into_iter().map(|role| Roles::NONE.with(role));
        let each = alone.chain([Roles::NONE]).map(|roles| {
            let email = format!("roles-{}-of-{account_id}@example.org", roles.bits());
            world.make_user_in(account_id, &email, roles);
            Self {
                name: format!("{roles:?} of account {account_id}"),
                roles: Some(roles),
                agent: world.signed_in(&email),
            }
        });
        each.collect()
    }

    fn may(&self, access: Access) -> bool {
        match self.roles {
            Some(roles) => access.allows(roles),
            None => !access.needs_sign_in(),
        }
    }

    fn ask(&self, entry: &Entry, path: &str) -> Answer {
        match entry.method {
            Method::POST => self.agent.post(path, &[]),
            _ => self.agent.get(path),
        }
    }
}

/// The table without the line that would end the walk, and without what is for programs, which
/// know no sessions (`api::access` walks it).
fn table() -> Vec<Entry> {
    let mut all = entries();
    all.retain(|entry| entry.path != SIGN_OUT && !entry.access.is_for_programs());
    assert!(all.len() > 100, "the table is there");
    all
}

/// An address of the entry with its other parameters filled in; every parameter that is not known
/// here needs a line.
fn example(pattern: &str, id: &str) -> String {
    let path = pattern
        .replace("{id}", id)
        .replace("{topic}", "protokoll")
        .replace("{token}", "damaged")
        .replace("{key}", "wrong")
        .replace("{path:.*}", "css/base.css");
    assert!(
        !path.contains('{'),
        "{pattern}: what does its parameter mean?"
    );
    path
}

/// Addresses of one's own things, for the entry.
fn own(furniture: &Furnished, entry: &Entry) -> Vec<String> {
    let pages = furniture.pages_of(entry.path);
    assert!(!pages.is_empty(), "{entry:?}: no example");
    pages.iter().map(|path| example(path, "")).collect()
}

/// Names the rows that came, went or are different since.
fn assert_unchanged(world: &World, without: &[&str], before: &[String]) {
    let after = world.snapshot(without);
    let differ = |a: &[String], b: &[String]| -> Vec<String> {
        a.iter().filter(|row| !b.contains(row)).cloned().collect()
    };
    let (gone, new) = (differ(before, &after), differ(&after, before));
    assert!(
        gone.is_empty() && new.is_empty(),
        "before:\n{}\nafter:\n{}",
        gone.join("\n"),
        new.join("\n")
    );
}

/// Whether the answer lets nobody in.
fn is_refused(answer: &Answer, walker: &Walker) -> bool {
    match walker.roles {
        None => answer
            .location()
            .is_some_and(|to| to.starts_with("/anmelden")),
        Some(_) => answer.status == 403,
    }
}

/// What is not allowed is refused, whatever number is asked for, and changes nothing.
fn nothing_beyond_the_roles(world: &World, furniture: &Furnished, walkers: &[Walker]) -> usize {
    let before = world.snapshot(NOT_COMPARED);
    let mut refused = 0;
    for entry in table() {
        let mut paths = own(furniture, &entry);
        paths.push(example(entry.path, NOTHING));
        for walker in walkers.iter().filter(|walker| !walker.may(entry.access)) {
            for path in &paths {
                let answer = walker.ask(&entry, path);
                let what = format!("{} {path} by {}", entry.method, walker.name);
                assert!(is_refused(&answer, walker), "{what}: {}", answer.status);
                refused += 1;
            }
        }
    }
    assert_unchanged(world, NOT_COMPARED, &before);
    refused
}

/// What is allowed is there, and numbers of nothing are answered as such.
fn everything_within_the_roles(
    furniture: &Furnished,
    walkers: &[Walker],
    method: &Method,
) -> usize {
    let mut let_in = 0;
    for entry in table().iter().filter(|entry| entry.method == *method) {
        for walker in walkers.iter().filter(|walker| walker.may(entry.access)) {
            let mut paths = own(furniture, entry);
            paths.push(example(entry.path, NOTHING));
            for (at, path) in paths.iter().enumerate() {
                let answer = walker.ask(entry, path);
                let what = format!("{method} {path} by {}: {}", walker.name, answer.status);
                let is_nothing = at + 1 == paths.len() && entry.path.contains("{id}");
                assert!(answer.status < 500, "{what}: {}", answer.text());
                let is_let_in = !is_refused(&answer, walker) || entry.path == SECOND_STEP;
                assert!(is_let_in, "{what}: {}", answer.text());
                if is_nothing {
                    assert!(
                        matches!(answer.status, 303 | 400 | 404 | 409 | 422),
                        "{what}"
                    );
                } else if *method == Method::GET && entry.path.contains("{id}") {
                    assert!(matches!(answer.status, 200 | 303), "{what}");
                }
                let_in += 1;
            }
        }
    }
    let_in
}

on_both!(every_route_keeps_to_its_access, |world| {
    let furniture = Furnished::of(world);
    let mut walkers = Walker::of_account(world, world.account_id);
    walkers.push(Walker::signed_out(world));
    let refused = nothing_beyond_the_roles(world, &furniture, &walkers);
    let read = everything_within_the_roles(&furniture, &walkers, &Method::GET);
    let done = everything_within_the_roles(&furniture, &walkers, &Method::POST);
    assert!(
        refused > 800 && read > 150 && done > 150,
        "{refused} {read} {done}"
    );
});

/// The forms that the administrator sees on all pages, with the entries they are sent to.
fn all_forms(furniture: &Furnished, admin: &Agent) -> Vec<(Entry, Form)> {
    let table = table();
    let mut seen = Vec::new();
    for entry in table.iter().filter(|entry| entry.method == Method::GET) {
        for path in own(furniture, entry) {
            let page = admin.get(&path);
            for form in forms(&page, &path) {
                if form.action == SIGN_OUT || form.action.starts_with("http") {
                    continue;
                }
                let target = entry_of(&table, &form.method, &form.action)
                    .unwrap_or_else(|| panic!("{path}: {form:?} leads nowhere"));
                seen.push((target.clone(), form));
            }
        }
    }
    seen
}

on_both!(nobody_reaches_what_belongs_to_another_account, |world| {
    let furniture = Furnished::of(world);
    let admin = world.admin();
    let forms = all_forms(&furniture, &admin);
    let other = world.make_account("Fremde AG", "fremd@example.com");
    let walkers = Walker::of_account(world, other);
    let with_number = |entry: &Entry| entry.path.contains("{id}");
    let before = world.snapshot(NOT_COMPARED);
    let mut checked = 0;
    for walker in &walkers {
        for entry in table().iter().filter(|entry| with_number(entry)) {
            for path in own(&furniture, entry) {
                let answer = walker.ask(entry, &path);
                let what = format!(
                    "{} {path} by {}: {}",
                    entry.method, walker.name, answer.status
                );
                let expected = if walker.may(entry.access) { 404 } else { 403 };
                // A form that lacks everything may be refused before anything is looked for.
                let lacks_all = entry.method == Method::POST && answer.status == 400;
                assert!(answer.status == expected || lacks_all, "{what}");
                answer.assert_silent_about("Hohenstein");
                checked += 1;
            }
        }
        // With forms that would do something, in every field what the owner's page says.
        for (entry, form) in forms.iter().filter(|(entry, _)| with_number(entry)) {
            if form.method != Method::POST {
                continue;
            }
            let fields: Vec<(&str, &str)> = form
                .fields
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            let answer = walker.agent.post(&form.action, &fields);
            let expected = if walker.may(entry.access) { 404 } else { 403 };
            let what = format!("{form:?} by {}: {}", walker.name, answer.status);
            assert!(answer.status == expected || answer.status == 400, "{what}");
            checked += 1;
        }
    }
    assert!(checked > 700, "{checked}");
    assert_unchanged(world, NOT_COMPARED, &before);
});

/// What the walker's pages offer that they may not do, or that leads nowhere; and how much was
/// looked at.
fn wrong_offers(walker: &Walker, pages: &[(&Entry, String)]) -> (BTreeSet<String>, usize) {
    let table = entries();
    let mut wrong = BTreeSet::new();
    let mut checked = 0;
    for (entry, path) in pages.iter().filter(|(entry, _)| walker.may(entry.access)) {
        let page = walker.agent.get(path);
        let links = links(&page).into_iter().map(|link| (Method::GET, link));
        let forms = forms(&page, path)
            .into_iter()
            .map(|form| (form.method, form.action));
        for (method, address) in links.chain(forms).filter(|(_, to)| to.starts_with('/')) {
            checked += 1;
            let place = format!("{} on {}: {method} {address}", walker.name, entry.path);
            match entry_of(&table, &method, &address) {
                Some(target) if walker.may(target.access) => {}
                Some(_) => drop(wrong.insert(place)),
                None => drop(wrong.insert(format!("{place} leads nowhere"))),
            }
        }
    }
    (wrong, checked)
}

on_both!(pages_offer_only_what_the_reader_may_do, |world| {
    let furniture = Furnished::of(world);
    let table = table();
    // Mails are documents of their own; where they lead is their authors' business.
    let pages: Vec<&Entry> = table
        .iter()
        .filter(|entry| entry.method == Method::GET && !entry.path.ends_with("/inhalt"))
        .collect();
    let furnished: Vec<(&Entry, String)> = pages
        .iter()
        .flat_map(|entry| {
            own(&furniture, entry)
                .into_iter()
                .map(|path| (*entry, path))
        })
        .collect();
    let empty: Vec<(&Entry, String)> = pages
        .iter()
        .filter(|entry| !entry.path.contains("{id}"))
        .map(|entry| (*entry, example(entry.path, "")))
        .collect();
    let other = world.make_account("Noch leer", "neu@example.com");
    let mut checked = 0;
    let mut wrong = BTreeSet::new();
    for (account, pages) in [(world.account_id, &furnished), (other, &empty)] {
        for walker in Walker::of_account(world, account) {
            let (found, looked_at) = wrong_offers(&walker, pages);
            wrong.extend(found);
            checked += looked_at;
        }
    }
    let wrong: Vec<String> = wrong.into_iter().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked > 2000, "{checked}");
});

on_both!(looking_changes_nothing, |world| {
    let furniture = Furnished::of(world);
    let admin = world.admin();
    // Who looked at somebody's data, or took it away, is written down.
    let without = [NOT_COMPARED, &["audit_log"]].concat();
    let before = world.snapshot(&without);
    let mut seen = 0;
    for entry in table().iter().filter(|entry| entry.method == Method::GET) {
        for path in own(&furniture, entry) {
            let answer = admin.get(&path);
            assert!(answer.status < 500, "{path}: {}", answer.text());
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
    assert_unchanged(world, &without, &before);
});

on_both!(signing_out_is_for_those_who_are_signed_in, |world| {
    let answer = world.visitor().post(SIGN_OUT, &[]);
    assert!(
        answer
            .location()
            .is_some_and(|to| to.starts_with("/anmelden"))
    );
    let admin = world.admin();
    assert_eq!(admin.post(SIGN_OUT, &[]).status, 303);
    assert_eq!(admin.get("/benutzerkonto").status, 303);
});
