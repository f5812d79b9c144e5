//! Sources that nobody writes: making ready and rendering may fail, but never panic.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::Map;

use super::*;
use crate::mail::links::find_links;
use crate::mail::personalise;

const NEWSLETTER: &str = include_str!("../../../tests/fixtures/newsletter.html");

/// What breaks things: the ends of pieces, halves of them, letters of several bytes.
const SNIPPETS: [&str; 40] = [
    "{{",
    "}}",
    "{%",
    "%}",
    "{#",
    "#}",
    "{",
    "}",
    "\"",
    "'",
    "<",
    ">",
    "</",
    "<a href=",
    "<a href='",
    "<a href=\"https://ä.example/?q={{ vorname }}&amp;x=1\">",
    "</a>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "{{ vorname }}",
    "{{ abmeldelink }}",
    "{{ datenschutzlink }}",
    "{% raw %}",
    "{% endraw %}",
    "{% if vorname %}",
    "{% endif %}",
    "{% for x in [1,2] %}",
    "{% endfor %}",
    "&",
    "&amp;",
    "&#x",
    "ü",
    "👩‍👩‍👧‍👦",
    "\u{E010}",
    "\u{E011}",
    "\u{E020}3\u{E021}",
    "</body>",
    "https://x.example/)",
];

fn mutate(source: &str, random: &mut StdRng) -> String {
    let mut letters: Vec<char> = source.chars().collect();
    for _ in 0..random.random_range(1..12) {
        let at = random.random_range(0..=letters.len());
        match random.random_range(0..4) {
            0 | 1 => {
                let snippet = SNIPPETS.choose(random).unwrap();
                letters.splice(at..at, snippet.chars());
            }
            2 => {
                let end = (at + random.random_range(0..40)).min(letters.len());
                letters.drain(at..end);
            }
            _ => {
                let end = (at + random.random_range(0..200)).min(letters.len());
                let piece: Vec<char> = letters[at..end].to_vec();
                let to = random.random_range(0..=letters.len());
                letters.splice(to..to, piece);
            }
        }
    }
    letters.into_iter().collect()
}

/// A part of the newsletter: the whole is slow, and most of it is alike.
fn piece(random: &mut StdRng) -> String {
    let letters: Vec<char> = NEWSLETTER.chars().collect();
    let start = random.random_range(0..letters.len());
    let end = (start + random.random_range(0..1_500)).min(letters.len());
    letters[start..end].iter().collect()
}

#[test]
fn no_source_makes_it_panic() {
    let mut random = StdRng::seed_from_u64(4711);
    let fields = Map::new();
    let click = |number: i32| format!("https://w.example/k/{number}");
    let mut rendered = 0;
    for _ in 0..1_500 {
        let html = mutate(&piece(&mut random), &mut random);
        let text = if random.random_bool(0.3) {
            mutate(&piece(&mut random), &mut random)
        } else {
            String::new()
        };
        let subject: String = mutate("Hallo {{ vorname }}", &mut random);
        let _ = personalise::check(&html, &[]);
        let Ok(links) = find_links(&html, &text) else {
            continue;
        };
        let numbered: Vec<(i32, String)> = (1..).zip(links.tracked).collect();
        let Ok(mailing) = PreparedMailing::new(&subject, &html, &text, &numbered) else {
            continue;
        };
        let recipient = Recipient {
            first_name: "Zoë </a>{{ \u{E010}",
            last_name: "~~\u{E020}",
            address: "a+b@c.example",
            fields: &fields,
        };
        let urls = TrackingUrls {
            pixel: Some("https://w.example/o/1"),
            click: Some(&click),
            unsubscribe: "https://w.example/abmelden/1",
            preferences: "https://w.example/datenschutz/1",
        };
        if let Ok(mail) = mailing.render(&recipient, &urls) {
            assert!(!mail.subject.contains('\n'));
            rendered += 1;
        }
    }
    assert!(rendered > 100, "{rendered} were rendered");
}
