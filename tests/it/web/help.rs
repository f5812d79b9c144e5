//! *Hilfe*: that every label it names stands on the page it names.

use std::collections::{BTreeMap, HashSet};

use scraper::{ElementRef, Html, Node, Selector};
use widerspruch::domain::role::{Role, Roles};
use widerspruch::routes::entries;
use widerspruch::web::help::topics::{TOPICS, Topic};

use super::furnished::Furnished;
use crate::support::agent::{Agent, Answer};
use crate::support::{World, on_both};

/// What a person would call a label: of a link, a button, a field, a part of the page.
const LABELS: &str = "a, button, label, legend, summary, h1, h2, h3, th, dt";

fn select(selector: &str) -> Selector {
    Selector::parse(selector).expect("a selector")
}

/// The text that is seen, in one line.
fn seen(element: ElementRef) -> String {
    fn read(element: ElementRef, text: &mut String) {
        let hides = |class: &str| matches!(class, "visually-hidden" | "field__optional");
        if element.value().classes().any(hides) {
            return;
        }
        for child in element.children() {
            match child.value() {
                Node::Text(words) => text.push_str(words),
                _ => {
                    if let Some(inner) = ElementRef::wrap(child) {
                        read(inner, text);
                    }
                }
            }
        }
    }
    let mut text = String::new();
    read(element, &mut text);
    let text = text.replace('\u{ad}', "");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The labels of a page.
fn labels(page: &Answer) -> HashSet<String> {
    let page = Html::parse_document(&page.html());
    page.select(&select(LABELS)).map(seen).collect()
}

/// A label that the help names, and the page on which it says it is.
struct Named {
    topic: &'static str,
    page: String,
    label: String,
}

fn named(topic: &'static Topic, agent: &Agent) -> Vec<Named> {
    let answer = agent.visit(&format!("/hilfe/{}", topic.word));
    let page = Html::parse_document(&answer.html());
    let article = page.select(&select("article.help")).next().expect("a text");
    let marked = select("b");
    let bold = article.select(&marked).map(|label| {
        let what = seen(label);
        assert!(
            label.value().classes().any(|class| class == "label"),
            "{what}"
        );
        let page = label
            .ancestors()
            .filter_map(ElementRef::wrap)
            .find_map(|around| around.attr("data-page"))
            .unwrap_or_else(|| panic!("{}: on which page is \"{what}\"?", topic.word));
        Named {
            topic: topic.word,
            page: page.to_owned(),
            label: what,
        }
    });
    bold.collect()
}

/// Notes the labels of all pages that the help names.
fn look(admin: &Agent, furniture: &Furnished, found: &mut BTreeMap<String, HashSet<String>>) {
    for (pattern, labels_there) in found {
        for path in furniture.pages_of(pattern) {
            let answer = admin.get(&path);
            assert!(answer.status < 500, "{path}: {}", answer.text());
            if answer.status == 200 {
                labels_there.extend(labels(&answer));
            }
        }
    }
}

/// The labels of these pages, in the states in which one finds an account.
fn all_labels(world: &World, admin: &Agent, named: &[Named]) -> BTreeMap<String, HashSet<String>> {
    let furniture = Furnished::of(world);
    let pages = named.iter().map(|one| (one.page.clone(), HashSet::new()));
    let mut found: BTreeMap<_, _> = pages.collect();
    look(admin, &furniture, &mut found);

    admin.submit("/benutzerkonto/aufbewahrung", &[("monate", "12")]);
    admin.submit("/benutzerkonto/versand/einschalten", &[]);
    let by_consent = [("auf", "consent"), ("von", "active")];
    admin.submit("/benutzerkonto/tracking/modus", &by_consent);
    look(admin, &furniture, &mut found);

    admin.submit("/benutzerkonto/tracking/deaktivieren", &[]);
    look(admin, &furniture, &mut found);
    found
}

/// What the help names and the pages don't say.
fn missing(named: &[Named], found: &BTreeMap<String, HashSet<String>>) -> Vec<String> {
    named
        .iter()
        .filter(|one| !found[&one.page].contains(&one.label))
        .map(|one| format!("{}: \"{}\" is not on {}", one.topic, one.label, one.page))
        .collect()
}

on_both!(
    every_label_stands_on_the_page_that_the_help_names,
    |world| {
        let admin = world.admin();
        let named: Vec<Named> = TOPICS
            .iter()
            .flat_map(|topic| named(topic, &admin))
            .collect();
        assert!(named.len() > 100, "{}", named.len());
        let pages: HashSet<_> = entries()
            .iter()
            .filter(|e| e.method == "GET")
            .map(|e| e.path)
            .collect();
        for one in &named {
            assert!(
                pages.contains(&*one.page),
                "{}: there is no page {}",
                one.topic,
                one.page
            );
        }
        let found = all_labels(world, &admin, &named);
        let gone = missing(&named, &found);
        assert!(gone.is_empty(), "{}", gone.join("\n"));
        // As if a button had another name by now.
        let renamed = Named {
            topic: "gruppe-anlegen",
            page: "/gruppen".to_owned(),
            label: "Gruppe erstellen".to_owned(),
        };
        assert_eq!(missing(&[renamed], &found).len(), 1);
    }
);

on_both!(the_help_leads_nobody_to_where_they_may_not_go, |world| {
    world.make_user("leser@example.org", Roles::NONE.with(Role::Reports));
    let reader = world.signed_in("leser@example.org");
    reader
        .visit("/hilfe/tracking-fuer-alle")
        .assert_says("Ihnen fehlt diese Rolle")
        .assert_silent_about("href=\"/benutzerkonto/tracking\"");
    reader
        .visit("/hilfe/analyse-lesen")
        .assert_says("Rolle: Analysen oder Admin.")
        .assert_says("Zu den Analysen");
});
