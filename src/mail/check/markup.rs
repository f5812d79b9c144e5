//! What can be seen in the HTML or MJML that the author wrote: pictures, links, scripts.

use std::cell::RefCell;
use std::collections::HashSet;

use lol_html::html_content::Element;
use lol_html::{Settings, element};
use url::Url;

use super::{List, Place, Weight};
use crate::mail::links::{clean, is_own, is_web};
use crate::mail::syntax::Masked;
use crate::mail::walk::walk;
use crate::mail::{MailError, attribute, mjml};

pub(super) const PERSONAL_ADVICE: &str = "Sie werden nicht gezählt und nicht verändert. Lassen Sie den Platzhalter im Link weg, wenn er nicht nötig ist.";

/// What was found, by lines.
#[derive(Default)]
struct Seen {
    without_alt: Vec<usize>,
    without_src: Vec<usize>,
    links: Vec<(usize, Target)>,
    insecure_pictures: Vec<usize>,
    scripts: Vec<usize>,
    foreign_styles: Vec<usize>,
    targets: HashSet<String>,
}

/// Where a link leads, as far as that is odd.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    Nowhere,
    /// To a place in this mail.
    Anchor(String),
    Script,
    Relative,
    Insecure,
    Here,
    Personal,
}

pub(super) fn check(source: &str, list: &mut List) {
    oddities(source, list);
    // Unreadable markup is told where a mail can't be made of it.
    let Ok(seen) = look(source) else { return };
    list.add_in_lines(
        Weight::Hint,
        seen.without_alt,
        "Bilder ohne Alternativtext (alt).",
        "Wer Bilder nicht sieht oder nicht lädt, erfährt sonst nichts von ihnen. Beschreiben Sie sie, oder schreiben Sie alt=\"\", wenn sie nur schmücken.",
    );
    list.add_in_lines(
        Weight::Hint,
        seen.without_src,
        "Bilder ohne Adresse (src).",
        "Fügen Sie die Adresse des Bildes ein; eigene laden Sie unter „Bilder“ hoch.",
    );
    list.add_in_lines(
        Weight::Hint,
        seen.insecure_pictures,
        "Bilder mit http:// statt https://.",
        "Viele Programme zeigen sie nicht. Verwenden Sie https://.",
    );
    list.add_in_lines(
        Weight::Hint,
        seen.scripts,
        "Skripte, Formulare oder eingebettete Seiten.",
        "Mailprogramme entfernen sie. Verlinken Sie stattdessen eine Seite.",
    );
    list.add_in_lines(
        Weight::Hint,
        seen.foreign_styles,
        "Schriften oder Stile von einem anderen Server.",
        "Deren Betreiber erfährt, wer die E-Mail öffnet. Verwenden Sie <style> und Schriften, die überall vorhanden sind.",
    );
    for (is_it, what, advice) in ODD {
        let lines: Vec<usize> = seen
            .links
            .iter()
            .filter(|(_, target)| is_it(target, &seen.targets))
            .map(|(line, _)| *line)
            .collect();
        list.add_in_lines(Weight::Hint, lines, what, advice);
    }
}

/// What MJML passes over.
fn oddities(source: &str, list: &mut List) {
    const SHOWN: usize = 20;

    if !mjml::is_mjml(source) {
        return;
    }
    for oddity in mjml::oddities(source).into_iter().take(SHOWN) {
        list.add(
            Weight::Hint,
            Place::Source(vec![oddity.line]),
            oddity.what,
            oddity.advice,
        );
    }
}

type Test = fn(&Target, &HashSet<String>) -> bool;

const ODD: [(Test, &str, &str); 7] = [
    (
        |target, _| *target == Target::Nowhere,
        "Links ohne Ziel.",
        "Geben Sie die Adresse an, oder entfernen Sie den Link.",
    ),
    (
        |target, known| matches!(target, Target::Anchor(name) if !known.contains(name)),
        "Links zu einer Stelle, die es in dieser E-Mail nicht gibt.",
        "Zu „#stelle“ gehört ein Element mit id=\"stelle\".",
    ),
    (
        |target, _| *target == Target::Script,
        "Links mit javascript:.",
        "Sie wirken in E-Mails nicht. Verlinken Sie eine Seite.",
    ),
    (
        |target, _| *target == Target::Relative,
        "Links ohne https:// und Domain.",
        "In einer E-Mail führen sie nirgendwohin. Schreiben Sie die ganze Adresse.",
    ),
    (
        |target, _| *target == Target::Here,
        "Links zu einem Rechner in Ihrem eigenen Netz.",
        "Ihre Empfänger erreichen ihn nicht. Schreiben Sie die öffentliche Adresse.",
    ),
    (
        |target, _| *target == Target::Insecure,
        "Links mit http:// statt https://.",
        "Verwenden Sie https://, wenn die Seite es kann.",
    ),
    (
        |target, _| *target == Target::Personal,
        "Links mit persönlichem Inhalt verraten ihrem Ziel, wer sie anklickt.",
        PERSONAL_ADVICE,
    ),
];

fn look(source: &str) -> Result<Seen, MailError> {
    let masked = Masked::new(source);
    let seen = RefCell::new(Seen::default());
    let lines = Lines::of(source);
    let on_element = |element: &mut Element| {
        seen.borrow_mut().element(element, source, &masked, &lines);
        Ok(())
    };
    walk(
        &masked.text,
        Settings {
            element_content_handlers: vec![element!("*", on_element)],
            ..Settings::new()
        },
    )?;
    Ok(seen.into_inner())
}

impl Seen {
    fn element(&mut self, element: &Element, source: &str, masked: &Masked, lines: &Lines) {
        let tag = element.source_location().bytes();
        let line = lines.at(tag.start);
        if let Some(id) = element.get_attribute("id") {
            self.targets.insert(attribute::decode(&id).into_owned());
        }
        let value = |name: &str| {
            let found = element
                .attributes()
                .iter()
                .find(|attribute| attribute.name() == name)?;
            let range = found.value_source_location()?.bytes();
            Some((
                attribute::decode(&source[range.clone()]).into_owned(),
                masked.within(&range),
            ))
        };
        match element.tag_name().as_str() {
            "img" | "mj-image" => {
                // A condition in the tag may stand around an `alt`.
                if !element.has_attribute("alt") {
                    self.without_alt.push(line);
                }
                match value("src") {
                    Some((src, false)) if src.trim().is_empty() => self.without_src.push(line),
                    Some((src, _)) if clean(&src).to_ascii_lowercase().starts_with("http:") => {
                        self.insecure_pictures.push(line);
                    }
                    Some(_) => {}
                    None => self.without_src.push(line),
                }
            }
            "script" | "form" | "iframe" | "object" | "embed" | "video" | "audio" => {
                self.scripts.push(line);
            }
            "link"
                if value("rel").is_some_and(|(rel, _)| rel.eq_ignore_ascii_case("stylesheet")) =>
            {
                self.foreign_styles.push(line);
            }
            "mj-font" => self.foreign_styles.push(line),
            "style" | "mj-style" => {
                let behind = &source[tag.end..];
                let end = behind.find("</").unwrap_or(behind.len());
                if behind[..end].contains("@import") {
                    self.foreign_styles.push(line);
                }
            }
            "a" if element.has_attribute("name") => {
                if let Some(name) = element.get_attribute("name") {
                    self.targets.insert(name);
                }
            }
            _ => {}
        }
        let is_link = matches!(
            element.tag_name().as_str(),
            "a" | "area" | "mj-button" | "mj-image" | "mj-navbar-link"
        );
        if is_link
            && let Some((href, personal)) = value("href")
            && let Some(target) = target(&clean(&href), personal)
        {
            self.links.push((line, target));
        }
    }
}

/// What is odd about an address; nothing about most.
fn target(url: &str, has_syntax: bool) -> Option<Target> {
    if has_syntax {
        let personal = (is_web(url) || url.starts_with('{')) && !is_own(url);
        return personal.then_some(Target::Personal);
    }
    if url.is_empty() || url == "#" {
        return Some(Target::Nowhere);
    }
    if let Some(name) = url.strip_prefix('#') {
        // `#top` is known to every program.
        return (name != "top").then(|| Target::Anchor(name.to_owned()));
    }
    match Url::parse(url) {
        Err(_) => Some(Target::Relative),
        Ok(parsed) => match parsed.scheme() {
            "javascript" | "vbscript" | "data" => Some(Target::Script),
            "http" | "https" if is_near(&parsed) => Some(Target::Here),
            "http" => Some(Target::Insecure),
            _ => None,
        },
    }
}

/// Is this a host that only its own network reaches (RFC 6761, RFC 1918)?
fn is_near(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => {
            name == "localhost"
                || [".localhost", ".local", ".test", ".internal", ".lan"]
                    .iter()
                    .any(|end| name.ends_with(end))
        }
        Some(url::Host::Ipv4(address)) => address.is_loopback() || address.is_private(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Where the lines of a source begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(source: &str) -> Self {
        Self(source.match_indices('\n').map(|(at, _)| at).collect())
    }

    fn at(&self, byte: usize) -> usize {
        self.0.partition_point(|end| *end < byte) + 1
    }
}
