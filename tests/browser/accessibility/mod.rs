//! Every page, looked at by axe-core (WCAG 2.2 AA, with the size of targets) by day and by night,
//! on a desktop, on a phone and enlarged four times, where no page may have to be pushed sideways;
//! and whatever takes the focus shows that it has it.
//!
//! A page that is new in the table of addresses has to be shown here too.

mod focus;
mod furniture;
mod pages;
mod states;

use widerspruch::db::models::users;
use widerspruch::routes;

use crate::chrome::View;
use crate::person::Person;
use crate::support::{On, World};
use furniture::{Links, switch_on_factor};
use pages::{
    Shown, everything, for_everybody, nothing_yet, with_second_factor, without_second_factor,
};

const DESKTOP: View = View {
    width: 1280,
    dark: false,
};
const NIGHT: View = View {
    width: 1280,
    dark: true,
};
const TABLET: View = View {
    width: 780,
    dark: false,
};
const PHONE: View = View {
    width: 390,
    dark: false,
};

/// A desktop enlarged four times: no page may have to be pushed sideways (WCAG 1.4.10).
const REFLOWED: View = View {
    width: 320,
    dark: false,
};

/// What axe-core checks.
const ALL_RULES: &str = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']";

/// What another colour scheme can change.
const RULES_OF_COLOUR: &str = "{ type: 'rule', values: ['color-contrast', 'link-in-text-block'] }";

/// Addresses that answer with something else than a page, or never without much around them.
const NO_PAGES: &[&str] = &[
    "/static/{path:.*}",
    "/o/{token}.gif",
    "/bilder/{key}",
    // The content of a mail is its author's.
    "/e-mailings/{id}/vorschau/inhalt",
    "/analysen/{id}/e-mail/inhalt",
    "/postausgang/{id}/inhalt",
    "/postausgang/{id}/datei.eml",
    // The inside of a page shown here, and files.
    "/e-mailings/{id}/stand",
    "/auftraege/{id}/stand",
    "/beispielkonto/stand",
    "/empfaenger/import/{id}/stand",
    "/empfaenger/import/{id}/abgelehnt.csv",
    "/analysen/{id}/kennzahlen.csv",
    "/analysen/{id}/aktivitaet.csv",
    "/datenschutz/{token}/daten.json",
    "/empfaenger/{id}/auskunft.json",
    "/empfaenger/{id}/auskunft.csv",
    "/benutzerkonto/protokoll.csv",
    "/api/v1/openapi.json",
    // Stands there once in a new installation, after thousands of rows are made.
    "/beispielkonto",
];

/// The source of axe-core, which bin/test fetches.
fn axe() -> String {
    let place = std::env::var("TEST_AXE_CORE")
        .expect("TEST_AXE_CORE: run the tests with bin/test, which fetches axe-core");
    std::fs::read_to_string(&place).expect("axe-core at the place of TEST_AXE_CORE")
}

/// What axe-core finds wrong with the page that is open, as (rule, where) lines.
async fn violations(person: &Person, run_only: &str) -> Vec<String> {
    let script = format!(
        "const done = arguments[arguments.length - 1]; \
         axe.run(document, {{ runOnly: {run_only}, resultTypes: ['violations'], iframes: false, \
           preload: false, selectors: false }}) \
           .then((result) => done(result.violations.flatMap((violation) => violation.nodes.map((node) => \
             violation.id + ': ' + node.html.slice(0, 160) + ' ' + (node.any[0]?.message ?? ''))))) \
           .catch((error) => done(['axe: ' + error]));"
    );
    lines(person.run_and_wait(&script).await)
}

/// Ids that stand on the page more than once: a label would be of the wrong one.
async fn ids_given_twice(person: &Person) -> Vec<String> {
    lines(
        person
            .run(
                "const ids = [...document.querySelectorAll('[id]')].map((element) => element.id); \
                 return ids.filter((id, at) => ids.indexOf(id) !== at).map((id) => `twice #${id}`);",
            )
            .await,
    )
}

/// What is wider than its place: the page, or a table in its frame.
async fn too_wide(person: &Person) -> Vec<String> {
    lines(
        person
            .run(
                "const wide = [document.documentElement, ...document.querySelectorAll('.table-frame, .card, .confirm')] \
                   .filter((element) => element.scrollWidth > element.clientWidth + 1); \
                 const out = (of) => [...of.querySelectorAll('*')].findLast((element) => \
                   element.getBoundingClientRect().right > of.getBoundingClientRect().left + of.clientWidth + 1); \
                 return wide.map((element) => `${element.tagName}.${element.className} is ${element.scrollWidth} \
                   wide in ${element.clientWidth}: ${out(element)?.outerHTML.slice(0, 120)}`);",
            )
            .await,
    )
}

fn lines(found: serde_json::Value) -> Vec<String> {
    serde_json::from_value(found).expect("a list of texts")
}

/// Comes to a page as somebody at a desktop does.
async fn come_to(person: &Person, shown: &Shown) {
    person.look(DESKTOP).await;
    person.open(&shown.path).await;
    if let Some(button) = shown.press {
        person.press(button).await;
    }
    person.sees_heading(shown.heading).await;
}

/// Looks at one page in every view and adds what is wrong with it.
async fn inspect(person: &Person, shown: &Shown, wrong: &mut Vec<String>) {
    come_to(person, shown).await;
    // What is folded up belongs to the page, too.
    person
        .run("for (const folded of document.querySelectorAll('details')) folded.open = true;")
        .await;
    let mut add = |view: &str, found: Vec<String>| {
        wrong.extend(
            found
                .into_iter()
                .map(|what| format!("{} ({view}): {what}", shown.path)),
        );
    };
    add("desktop", violations(person, ALL_RULES).await);
    add("desktop", ids_given_twice(person).await);
    add("desktop", focus::not_seen(person).await);
    person.look(NIGHT).await;
    add("night", violations(person, RULES_OF_COLOUR).await);
    person.look(TABLET).await;
    add("tablet", too_wide(person).await);
    person.look(PHONE).await;
    add("phone", violations(person, ALL_RULES).await);
    add("phone", too_wide(person).await);
    add("phone", focus::not_seen(person).await);
    person.look(REFLOWED).await;
    add("enlarged", too_wide(person).await);
}

/// The routes that none of the pages shown is of.
fn forgotten(shown: &[Shown]) -> Vec<&'static str> {
    let is_of = |pattern: &str, path: &str| {
        let path = path.split('?').next().unwrap_or_default();
        let (pattern, path) = (pattern.split('/'), path.split('/'));
        pattern.clone().count() == path.clone().count()
            && pattern
                .zip(path)
                .all(|(of, part)| of.starts_with('{') || of == part)
    };
    routes::entries()
        .iter()
        .filter(|entry| entry.method == "GET" && !entry.access.is_for_programs())
        .filter(|entry| !NO_PAGES.contains(&entry.path))
        .map(|entry| entry.path)
        .filter(|pattern| !shown.iter().any(|page| is_of(pattern, &page.path)))
        .collect()
}

/// The controls: each of these looks sees it when something is wrong.
async fn finds_what_there_is_to_find(person: &Person) {
    person.open("/anmelden").await;
    assert_eq!(focus::not_seen(person).await, Vec::<String>::new());
    // Two buttons that are too small and too near, the second without a mark for the focus.
    person
        .run(
            "document.querySelector('label').remove(); \
             const line = document.createElement('div'); \
             document.querySelector('main').prepend(line); \
             for (const name of ['A', 'B']) { \
               const button = document.createElement('button'); \
               button.textContent = name; \
               for (const [property, value] of [['all', 'initial'], ['display', 'inline-block'], ['font-size', '8px'], ['outline', 'none']]) \
                 button.style.setProperty(property, value, 'important'); \
               line.append(button); \
             }",
        )
        .await;
    let found = violations(person, ALL_RULES).await;
    for rule in ["label: ", "target-size: "] {
        assert!(
            found.iter().any(|line| line.starts_with(rule)),
            "{rule}{found:?}"
        );
    }
    let unmarked = focus::not_seen(person).await;
    assert!(
        unmarked.iter().any(|line| line.starts_with("no mark: ")),
        "{unmarked:?}"
    );
    person.run("document.querySelector('h1').style.width = '2000px'; document.querySelector('h1').textContent = 'W'.repeat(900);").await;
    person
        .run("document.querySelector('h1').style.whiteSpace = 'nowrap';")
        .await;
    assert!(!too_wide(person).await.is_empty());
}

/// How many browsers look at pages at the same time.
const WINDOWS: usize = 2;

/// A browser that looks at its share of the pages. What is pressed on one page shows on others, so
/// each goes to all that something is pressed on, in worlds of its own.
struct Window {
    number: usize,
    person: Person,
    shown: Vec<Shown>,
    wrong: Vec<String>,
}

impl Window {
    async fn go_through(&mut self, pages: &[Shown]) {
        for page in pages {
            if self.shown.len() % WINDOWS == self.number {
                inspect(&self.person, page, &mut self.wrong).await;
            } else if page.press.is_some() {
                come_to(&self.person, page).await;
            }
            self.shown.push(page.clone());
        }
    }

    /// Goes through all pages.
    async fn go_everywhere(&mut self) {
        let new = World::start_empty(On::Sqlite);
        let setup = new.state.setup_key.lock().clone().expect("a key");
        let setup = format!("/einrichtung/{setup}");
        self.person.arrive_at(&new, true).await;
        self.go_through(&[
            Shown::at(&setup, "Ersteinrichtung"),
            Shown::at(&setup, "Ersteinrichtung").after("Benutzerkonto anlegen"),
        ])
        .await;

        let world = World::start(On::Sqlite);
        let pages = everything(&world);
        self.person.arrive_at(&world, true).await;
        self.go_through(&for_everybody(&Links::of_a_mail(&world)))
            .await;
        if self.number == 0 {
            finds_what_there_is_to_find(&self.person).await;
        }
        self.person.sign_in_at(&world, true).await;
        self.go_through(&pages).await;

        let bare = World::start(On::Sqlite);
        self.person.sign_in_at(&bare, true).await;
        // With nothing on them they do not stand for their entry of the table.
        let furnished = self.shown.len();
        self.go_through(&nothing_yet()).await;
        self.shown.truncate(furnished);
        self.go_through(&without_second_factor()).await;
        bare.write(|conn| {
            let user = users::list(conn, bare.account_id)?.remove(0);
            switch_on_factor(conn, &bare, &user)
        });
        self.go_through(&with_second_factor()).await;
        self.person.begin_signing_in_at(&bare).await;
        self.go_through(&[
            Shown::at("/anmelden/code", "Zweiter Schritt"),
            Shown::at("/anmelden/code", "Zweiter Schritt").after("Anmelden"),
        ])
        .await;
    }
}

/// What one of the windows has seen, and what was wrong with it.
fn look_through_window(number: usize) -> (Vec<Shown>, Vec<String>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let person = Person::arrive().await;
        person.brings_to_every_page(&axe()).await;
        let mut window = Window {
            number,
            person,
            shown: Vec::new(),
            wrong: Vec::new(),
        };
        window.go_everywhere().await;
        window.person.leave().await;
        (window.shown, window.wrong)
    })
}

#[test]
fn every_page_is_for_everybody() {
    let seen: Vec<_> = std::thread::scope(|scope| {
        let windows: Vec<_> = (0..WINDOWS)
            .map(|number| scope.spawn(move || look_through_window(number)))
            .collect();
        let seen = windows.into_iter().map(std::thread::ScopedJoinHandle::join);
        seen.map(|seen| seen.unwrap_or_else(|failure| std::panic::resume_unwind(failure)))
            .collect()
    });
    let wrong: Vec<&str> = seen
        .iter()
        .flat_map(|(_, wrong)| wrong.iter().map(String::as_str))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let numbers: Vec<usize> = seen.iter().map(|(shown, _)| shown.len()).collect();
    assert_eq!(numbers, [numbers[0]; WINDOWS], "each page is in one share");
    assert_eq!(forgotten(&seen[0].0), Vec::<&str>::new());
}
