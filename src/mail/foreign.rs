//! Placeholders in the writing of other systems: they would stand in the mail as they are. Each is
//! named before sending, with what to write here.

use super::syntax::{Masked, word};

/// The most characters between the marks of such a placeholder.
const LONGEST: usize = 80;

/// The most that are named in one text.
const MOST_NAMED: usize = 20;

/// Marks that are hardly ever anything else: what begins a placeholder, what ends it.
const MARKED: [(&str, &str); 8] = [
    ("*|", "|*"),
    ("[[", "]]"),
    ("<%", "%>"),
    ("%%", "%%"),
    ("##", "##"),
    ("{$", "}"),
    ("{!", "}"),
    ("${", "}"),
];

/// Marks that are common in texts: only with the name of a field between them.
const COMMON: [(char, char); 3] = [('[', ']'), ('{', '}'), ('%', '%')];

/// What names of fields begin or end with, in the languages of such systems.
const FIELDS: [&str; 26] = [
    "fname",
    "lname",
    "name",
    "first",
    "last",
    "vorname",
    "nachname",
    "email",
    "e-mail",
    "mail",
    "anrede",
    "salutation",
    "greeting",
    "unsub",
    "unsubscribe",
    "optout",
    "abmeld",
    "abmelden",
    "abmeldelink",
    "webversion",
    "webview",
    "company",
    "firma",
    "subscriber",
    "contact",
    "contactfield",
];

/// A placeholder that nothing here fills in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Foreign {
    /// As it stands in the source.
    pub(super) written: String,
    /// The line, counted from one.
    pub(super) line: usize,
    /// What to write here.
    pub(super) instead: String,
}

/// Finds the placeholders of other systems outside of our own.
pub(super) fn find(source: &str) -> Vec<Foreign> {
    let text = Masked::new(source).text;
    let mut found: Vec<Foreign> = Vec::new();
    let mut at = 0;
    while at < text.len() && found.len() < MOST_NAMED {
        let Some(letter) = text[at..].chars().next() else {
            break;
        };
        if let Some(inside) = marked(&text[at..]).or_else(|| common(&text, at, letter)) {
            let length = inside.1;
            found.push(Foreign {
                written: text[at..at + length].to_owned(),
                line: text[..at].matches('\n').count() + 1,
                instead: instead_of(inside.0),
            });
            at += length;
        } else {
            at += letter.len_utf8();
        }
    }
    found
}

/// What stands between unmistakable marks at the start of a text, and the length with its marks.
fn marked(text: &str) -> Option<(&str, usize)> {
    MARKED.iter().find_map(|(open, close)| {
        let inside = text.strip_prefix(open)?;
        let end = inside.find(close)?;
        let inside = &inside[..end];
        let speaks = inside.chars().any(char::is_alphabetic);
        let fits = end <= LONGEST && !inside.contains(['\n', ';']) && speaks;
        // `##` and `%%` also stand around what is no name.
        let named = !matches!(*open, "##" | "%%") || is_name(inside);
        (fits && named).then_some((inside, open.len() + end + close.len()))
    })
}

/// The same for marks that count only around the name of a field.
fn common(text: &str, at: usize, letter: char) -> Option<(&str, usize)> {
    let (_, close) = COMMON.iter().find(|(open, _)| *open == letter)?;
    let before = text[..at].chars().next_back();
    let inside = &text[at + 1..];
    let end = inside.find(*close)?;
    let behind = inside[end + 1..].chars().next();
    let inside = &inside[..end];
    let alone = *close != '%'
        || (before.is_none_or(|c| !c.is_alphanumeric() && c != '%')
            && behind.is_none_or(|c| !c.is_alphanumeric() && c != '%'));
    let name = inside
        .split([':', '=', ',', '|', ' '])
        .next()
        .unwrap_or_default();
    let has_detail = inside.len() > name.len();
    let fits = end <= LONGEST && is_name(name) && !inside.contains(['\n', ';', '<', '>']);
    // In a style sheet, `{name:value}`.
    let is_css = *close == '}' && inside.contains(':');
    (alone
        && fits
        && !is_css
        && (is_field(name) || (*close == '}' && has_detail && inside.contains('='))))
    .then_some((inside, end + 2))
}

fn is_name(text: &str) -> bool {
    text.starts_with(char::is_alphabetic)
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | ' '))
}

fn is_field(name: &str) -> bool {
    let name = name.to_lowercase();
    name.split(['_', '.', '-', ':'])
        .any(|part| FIELDS.contains(&part))
        || FIELDS.contains(&name.as_str())
        || [
            "firstname",
            "lastname",
            "subscribername",
            "emailaddress",
            "unsubscribelink",
        ]
        .contains(&name.as_str())
}

/// What to write here for the placeholder with this between its marks.
fn instead_of(inside: &str) -> String {
    let lower = inside.to_lowercase();
    let first = lower
        .trim_start_matches(['=', ' ', '#', '/'])
        .split([' ', ':', '('])
        .next()
        .unwrap_or_default()
        .to_owned();
    match first.as_str() {
        "if" | "unless" | "ifnot" => return "{% if vorname %} … {% endif %}".to_owned(),
        "else" | "elseif" | "elsif" => return "{% else %} oder {% elif … %}".to_owned(),
        "end" | "endif" | "end_if" => return "{% endif %}".to_owned(),
        "for" | "each" | "foreach" => return "{% for … in … %} … {% endfor %}".to_owned(),
        _ => {}
    }
    suggestion(&lower).unwrap_or("{{ feldname }}").to_owned()
}

/// What a field of other systems is called here, if that can be said.
pub(super) fn suggestion(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    Some(
        if has(&["unsub", "abmeld", "optout", "opt_out", "opt-out"]) {
            "{{ abmeldelink }}"
        } else if has(&["fname", "first", "vorname", "prenom"]) {
            "{{ vorname }}"
        } else if has(&["lname", "last", "nachname", "surname", "family"]) {
            "{{ nachname }}"
        } else if has(&["mail"]) {
            "{{ email }}"
        } else if name.ends_with("name") {
            "{{ vorname }} {{ nachname }}"
        } else {
            return None;
        },
    )
}

/// What in one of our placeholders is written as in another system, for its author.
pub(super) fn in_placeholder(piece: &str) -> Option<String> {
    let bare = super::bounds::without_strings(piece);
    if bare.contains(['“', '”', '„', '‟', '‘', '’', '‚', '«', '»', '‹', '›']) {
        return Some(
            "In diesem Platzhalter stehen typografische Anführungszeichen. Schreiben Sie gerade: \
             {{ vorname|oder(\"zusammen\") }}."
                .to_owned(),
        );
    }
    let inside = bare.trim_start_matches(['{', '%', '-', '+']).trim_start();
    if piece.starts_with("{%") {
        let instead = match word(piece) {
            "elsif" | "elseif" | "elsf" => "{% elif … %}",
            "unless" => "{% if not … %}",
            "endunless" => "{% endif %}",
            "assign" | "capture" => "{% set name = \"Wert\" %}",
            "comment" => "{# … #}",
            _ => return has_liquid_filter(&bare).then(liquid),
        };
        return Some(format!(
            "Den Befehl „{}“ gibt es nicht. Hier heißt es {instead}.",
            word(piece)
        ));
    }
    let handlebars = |instead: &str| {
        Some(format!(
            "Das ist die Schreibweise von Handlebars. Hier heißt es {instead}."
        ))
    };
    match inside.chars().next() {
        Some('#' | '^') if inside[1..].trim_start().starts_with("each") => {
            handlebars("{% for … in … %} … {% endfor %}")
        }
        Some('#' | '^') => handlebars("{% if vorname %} … {% endif %}"),
        Some('/') => handlebars("{% endif %} oder {% endfor %}"),
        Some('!') => handlebars("{# … #}"),
        Some('>' | '&' | '.' | '$' | '@') => {
            let instead = suggestion(inside).unwrap_or("{{ feldname }}");
            Some(format!(
                "So schreiben andere Systeme Platzhalter. Hier heißt es {instead}."
            ))
        }
        _ if piece.starts_with("{{{") && !bare.contains(':') => {
            let instead = suggestion(inside).unwrap_or("{{ feldname }}");
            Some(format!(
                "Ein Platzhalter hat zwei geschweifte Klammern: {instead}."
            ))
        }
        _ if inside.trim_end_matches(['}', '-', '+']).trim() == "else" => handlebars("{% else %}"),
        _ if has_liquid_filter(&bare) => Some(liquid()),
        _ if inside.contains("||") || inside.contains("??") || inside.contains("&&") => Some(
            "Was stattdessen stehen soll, schreiben Sie so: {{ vorname|oder(\"zusammen\") }}."
                .to_owned(),
        ),
        _ if names_kind(inside) => {
            let instead = suggestion(inside).unwrap_or("{{ feldname }}");
            Some(format!(
                "So schreiben andere Systeme Platzhalter. Hier heißt es {instead}."
            ))
        }
        _ => None,
    }
}

/// `name | filter: "value"`.
fn has_liquid_filter(bare: &str) -> bool {
    bare.split('|').skip(1).any(|filter| {
        let filter = filter.trim_start();
        let length = filter
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .unwrap_or(filter.len());
        length > 0 && filter[length..].trim_start().starts_with(':')
    })
}

fn liquid() -> String {
    "Das ist ein Filter in der Schreibweise von Liquid. Hier heißt es zum Beispiel \
     {{ vorname|oder(\"zusammen\") }}."
        .to_owned()
}

/// `var:firstname` and the like.
fn names_kind(inside: &str) -> bool {
    let length = inside
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(inside.len());
    length > 0 && inside[length..].starts_with(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(source: &str) -> Vec<(String, usize, String)> {
        let foreign = find(source).into_iter();
        foreign
            .map(|one| (one.written, one.line, one.instead))
            .collect()
    }

    #[test]
    fn placeholders_of_other_systems_are_found() {
        for (written, instead) in [
            ("*|STADT|*", "{{ feldname }}"),
            ("*|FNAME|*", "{{ vorname }}"),
            ("*|IF:FNAME|*", "{% if vorname %} … {% endif %}"),
            ("*|END:IF|*", "{% endif %}"),
            ("*|UNSUB|*", "{{ abmeldelink }}"),
            ("[LASTNAME]", "{{ nachname }}"),
            ("[Vorname]", "{{ vorname }}"),
            ("[firstname,fallback=Du]", "{{ vorname }}"),
            ("[subscriber:email]", "{{ email }}"),
            ("[[FIRSTNAME OR \"Du\"]]", "{{ vorname }}"),
            ("[[data:stadt:\"x\"]]", "{{ feldname }}"),
            ("{contactfield=lastname}", "{{ nachname }}"),
            ("{unsubscribe_url}", "{{ abmeldelink }}"),
            ("{FIRSTNAME}", "{{ vorname }}"),
            ("{$kunde.vorname}", "{{ vorname }}"),
            ("{!firstname}", "{{ vorname }}"),
            ("${email}", "{{ email }}"),
            ("<%= stadt %>", "{{ feldname }}"),
            ("<% if vorname %>", "{% if vorname %} … {% endif %}"),
            ("%%first%%", "{{ vorname }}"),
            ("##nachname##", "{{ nachname }}"),
            ("%FIRSTNAME%", "{{ vorname }}"),
        ] {
            let source = format!("<p>\nHallo {written}, x");
            assert_eq!(
                found(&source),
                [(written.to_owned(), 2, instead.to_owned())]
            );
        }
    }

    #[test]
    fn what_only_looks_like_one_is_left_alone() {
        for source in [
            "[PDF] [ANZEIGE] [1] [...] (a) [x](https://a.de/)",
            "<!--[if mso]><table><![endif]--> <![if !mso]>",
            "<style>.name{color:red} @media{a{b:c}} .mail{}</style>",
            "20 % auf alles, 50%, <td width=\"50%\" height=\"10%\">",
            "https://a.de/?q=%C3%9Cname%20mail%C3%A4",
            "{{ vorname }} {% if email %}[x]{% endif %}{# *|FNAME|* #}",
            "** | ** %% ## 100 %% {$} [[ ]] <> {} {1} *| x",
            "### Titel ### ####",
        ] {
            assert_eq!(found(source), [], "{source}");
        }
    }

    #[test]
    fn our_own_in_the_writing_of_others_are_explained() {
        for (piece, says) in [
            ("{{ vorname | default: \"x\" }}", "Liquid"),
            ("{% if vorname | upcase: 1 %}", "Liquid"),
            ("{{#if vorname}}", "{% if vorname %}"),
            ("{{#each dinge}}", "{% for"),
            ("{{/if}}", "{% endif %}"),
            ("{{ else }}", "{% else %}"),
            ("{{{ first_name }}}", "{{ vorname }}"),
            ("{{> kopf}}", "andere Systeme"),
            ("{{ .Subscriber.FirstName }}", "{{ vorname }}"),
            ("{{var:firstname:\"x\"}}", "{{ vorname }}"),
            ("{{ vorname || \"x\" }}", "oder("),
            ("{{ vorname|oder(„zusammen“) }}", "gerade"),
            ("{{ vorname|oder(”zusammen”) }}", "gerade"),
            ("{% elsif x %}", "{% elif"),
            ("{% unless x %}", "{% if not"),
            ("{% assign x = 1 %}", "{% set"),
        ] {
            let message = in_placeholder(piece).expect(piece);
            assert!(message.contains(says), "{piece}: {message}");
        }
        for piece in [
            "{{ vorname }}",
            "{{ vorname|oder(\"„Sie“: a|b: c\") }}",
            "{{ felder[\"Kunden: Nr.\"] }}",
            "{% if a == 'b: c' %}",
            "{% for x in liste[1:2] %}",
            "{{ {\"a\": 1}.a }}",
            "{{-vorname-}}",
        ] {
            assert_eq!(in_placeholder(piece), None, "{piece}");
        }
    }
}
