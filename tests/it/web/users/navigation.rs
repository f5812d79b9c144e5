//! What a role may not do is not shown: from page to page by every link there is, and by every form
//! whether it could be sent.

use std::collections::HashSet;

use actix_web::http::Method;
use scraper::{Html, Selector};
use widerspruch::db::models::groups;
use widerspruch::domain::role::{Role, Roles};
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::Decision;
use widerspruch::routes::{Entry, entries};
use widerspruch::web::access::Access;

use crate::support::agent::Agent;
use crate::support::{World, on_both};

/// So many pages at most: lists have pages without end.
const MOST: usize = 250;

/// Paths in the attributes of a page: of links, and of forms that change something.
fn ways(html: &str) -> (Vec<String>, Vec<String>) {
    let page = Html::parse_document(html);
    let all = |selector: &str, name: &str| -> Vec<String> {
        let selector = Selector::parse(selector).expect("a selector");
        page.select(&selector)
            .filter_map(|element| element.value().attr(name))
            .filter(|path| path.starts_with('/'))
            .map(|path| path.split('#').next().unwrap_or_default().to_owned())
            .collect()
    };
    (
        all("a[href]", "href"),
        all("form[method=post][action]", "action"),
    )
}

/// The route that takes what a form sends to that path.
fn route_of<'a>(table: &'a [Entry], path: &str) -> Option<&'a Entry> {
    let path = path.split('?').next().unwrap_or_default();
    table.iter().find(|entry| {
        let (pattern, path) = (entry.path.split('/'), path.split('/'));
        entry.method == Method::POST
            && pattern.clone().count() == path.clone().count()
            && pattern
                .zip(path)
                .all(|(of, part)| of.starts_with('{') || of == part)
    })
}

/// Walks everywhere, and gives how many pages there were.
fn walk(agent: &Agent, roles: Roles) -> usize {
    let table = entries();
    let mut seen: HashSet<String> = HashSet::new();
    let mut open = vec!["/".to_owned()];
    while let Some(path) = open.pop() {
        let without_query = path.split('?').next().unwrap_or_default().to_owned();
        // Mails' own links, and files without end, are no part of the menu.
        let is_of_mail = ["/o/", "/k/", "/static/", "/abmelden/", "/datenschutz/"]
            .iter()
            .any(|beginning| path.starts_with(beginning));
        if is_of_mail || seen.len() >= MOST || !seen.insert(without_query) {
            continue;
        }
        let answer = agent.get(&path);
        assert_ne!(
            answer.status,
            403,
            "{path} is shown to {:?}",
            roles.labels()
        );
        assert!(answer.status < 500, "{path}");
        if let Some(location) = answer.location() {
            open.push(location);
            continue;
        }
        if !answer
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("text/html"))
        {
            continue;
        }
        let (links, forms) = ways(&answer.html());
        for form in forms {
            let entry = route_of(&table, &form);
            let entry = entry.unwrap_or_else(|| panic!("{form} on {path} leads nowhere"));
            if let Access::Role(needed) = entry.access {
                assert!(
                    roles.allow(needed),
                    "{form} on {path} is shown to {:?}",
                    roles.labels()
                );
            }
        }
        open.extend(links);
    }
    seen.len()
}

/// Some of everything.
fn furnish(world: &World) {
    let (account, now) = (world.account_id, Timestamp::now());
    let anna = world.make_recipient("anna@example.org");
    let group = world.write(|conn| groups::create(conn, account, "Alle", now));
    world.write(|conn| groups::add_members(conn, account, group, &[anna], now));
    let sent = world.make_sent_mailing("Gesendet", 1);
    let key = world.deliver(sent, anna, Decision::Personal);
    world.visitor().get(&world.pixel(sent, key));
    let admin = world.admin();
    let gone = world.make_recipient("ben@example.org");
    admin.submit(&format!("/empfaenger/{gone}/loeschen"), &[]);
    let draft = [
        ("subject", "Entwurf"),
        ("sender_name", "Muster"),
        ("sender_address", "post@example.org"),
        ("html", "<p>Hallo</p>"),
        ("text", ""),
        ("groups", &group.to_string()),
    ];
    let path = admin.post("/e-mailings", &draft).location();
    let path = path.expect("a draft");
    let path = path.split('?').next().unwrap_or_default();
    admin.post(
        &format!("{path}/testmail"),
        &[("to", "test@example.org"), ("subject", "x")],
    );
}

on_both!(what_a_role_may_not_do_is_not_shown, |world| {
    let agents: Vec<(Roles, Agent)> = Role::ALL
        .into_iter()
        .map(|role| {
            let (email, roles) = (format!("only-{}@example.org", role.word()), Roles::NONE);
            world.make_user(&email, roles.with(role));
            (roles.with(role), world.signed_in(&email))
        })
        .collect();
    // With nothing there, pages offer how to begin.
    for (roles, agent) in &agents {
        let pages = walk(agent, *roles);
        assert!(pages >= 4, "{pages} {:?}", roles.labels());
    }
    furnish(world);
    let mut pages = 0;
    for (roles, agent) in &agents {
        pages += walk(agent, *roles);
    }
    assert!(pages > 60, "{pages}");
});
