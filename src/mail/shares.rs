//! A mail with the share of clicks on each of its links, to be looked at in a report.
//!
//! The share is a badge at the beginning of the link. It has to be seen whatever the author of
//! the mail wrote: the badge is a picture in the document itself, so that no rule of a style
//! sheet reaches inside, its own style is `important` in the element, which no style sheet
//! outdoes (CSS Cascade 5, 6.1 "element-attached styles"), and what could keep pictures away, a
//! policy in a `meta`, is taken out. Nothing in the mail leads to a recipient: it is rendered
//! without anybody's values, without pixel, and without tokens.

use std::cell::RefCell;
use std::collections::BTreeSet;

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lol_html::html_content::{Comment, ContentType, Element};
use lol_html::{RewriteStrSettings, doc_comments, element, rewrite_str};
use serde_json::Map;

use super::{MailError, PreparedMailing, Recipient, TrackingUrls, attribute};

/// What the badge of a link says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Badge {
    /// On the badge, as short as "12,3 %".
    pub text: String,
    /// In full, for those who don't see it or point at it.
    pub words: String,
    /// Whether the link was clicked at all; badges of others are quieter.
    pub clicked: bool,
}

/// A mail with badges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// The document.
    pub html: String,
    /// The numbers of the links that are in it.
    pub drawn: BTreeSet<i32>,
}

/// Where a mail of nobody leads instead of to somebody's pages.
const NOWHERE: [&str; 2] = ["#abmelden", "#datenschutz"];

#[derive(Template)]
#[template(path = "mail/share.svg", escape = "html")]
struct Picture<'a> {
    text: &'a str,
    clicked: bool,
    width: usize,
}

#[derive(Template)]
#[template(path = "mail/share.html")]
struct BadgeHtml<'a> {
    picture: String,
    words: &'a str,
    width: usize,
}

/// The width of a letter on a badge, in pixels.
const PER_LETTER: usize = 8;

impl Badge {
    fn html(&self) -> Result<String, MailError> {
        let width = self.text.chars().count() * PER_LETTER + 12;
        let picture = Picture {
            text: &self.text,
            clicked: self.clicked,
            width,
        };
        Ok(BadgeHtml {
            picture: STANDARD.encode(picture.render()?),
            words: &self.words,
            width,
        }
        .render()?)
    }
}

/// Draws a mailing for nobody, with a badge on each link that has a number.
///
/// # Errors
/// The templates can't be filled without values, or the HTML can't be read.
pub fn draw(
    html: &str,
    links: &[(i32, String)],
    badge: impl Fn(i32) -> Option<Badge>,
) -> Result<Marked, MailError> {
    let no_fields = Map::new();
    let nobody = Recipient {
        first_name: "",
        last_name: "",
        address: "",
        fields: &no_fields,
    };
    // Nobody can guess it, so no link of the author's looks like it.
    let mark = format!(
        "https://{:032x}.invalid/",
        u128::from_ne_bytes(super::random()?)
    );
    let click = |number: i32| format!("{mark}{number}");
    let urls = TrackingUrls {
        pixel: None,
        click: Some(&click),
        unsubscribe: NOWHERE[0],
        preferences: NOWHERE[1],
    };
    let mail = PreparedMailing::new("", html, "-", links)?.render(&nobody, &urls)?;
    put_badges(&mail.html, &mark, links, badge)
}

fn put_badges(
    html: &str,
    mark: &str,
    links: &[(i32, String)],
    badge: impl Fn(i32) -> Option<Badge>,
) -> Result<Marked, MailError> {
    let drawn = RefCell::new(BTreeSet::new());
    let failed = RefCell::new(None);
    let on_link = |element: &mut Element| {
        let href = element.get_attribute("href").unwrap_or_default();
        let Some(number) = attribute::decode(&href)
            .strip_prefix(mark)
            .and_then(|number| number.parse::<i32>().ok())
        else {
            return Ok(());
        };
        let target = links.iter().find(|(of, _)| *of == number);
        let target = target.map_or("#", |(_, url)| url.as_str());
        element.set_attribute("href", &attribute::encode(target))?;
        match badge(number).map(|badge| badge.html()).transpose() {
            Ok(Some(html)) if element.tag_name() == "area" => {
                element.after(&html, ContentType::Html);
            }
            Ok(Some(html)) => element.prepend(&html, ContentType::Html),
            Ok(None) => {}
            Err(error) => *failed.borrow_mut() = Some(error),
        }
        drawn.borrow_mut().insert(number);
        Ok(())
    };
    let html = rewrite_str(
        html,
        RewriteStrSettings {
            element_content_handlers: vec![
                element!("a[href], area[href]", on_link),
                element!("meta[http-equiv]", |element: &mut Element| {
                    element.remove();
                    Ok(())
                }),
            ],
            // What only Outlook reads has links with marks, too.
            document_content_handlers: vec![doc_comments!(|comment: &mut Comment| {
                comment.remove();
                Ok(())
            })],
            strict: false,
            ..RewriteStrSettings::new()
        },
    )?;
    match failed.into_inner() {
        Some(error) => Err(error),
        None => Ok(Marked {
            html,
            drawn: drawn.into_inner(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use scraper::{Html, Selector};

    use super::*;
    use crate::mail::links::find_links;

    const NEWSLETTER: &str = include_str!("../../tests/fixtures/newsletter.html");

    fn drawn(html: &str) -> Marked {
        let links: Vec<(i32, String)> = (1..).zip(find_links(html, "").unwrap().tracked).collect();
        let badge = |number: i32| {
            Some(Badge {
                text: format!("{number} %"),
                words: format!("{number} % der \"Klicks\""),
                clicked: number > 1,
            })
        };
        draw(html, &links, badge).unwrap()
    }

    fn attributes(html: &str, selector: &str, name: &str) -> Vec<String> {
        Html::parse_document(html)
            .select(&Selector::parse(selector).unwrap())
            .map(|element| element.value().attr(name).unwrap_or_default().to_owned())
            .collect()
    }

    #[test]
    fn every_link_of_a_real_newsletter_has_its_badge_and_its_target() {
        let plain = find_links(NEWSLETTER, "").unwrap().tracked;
        let marked = drawn(NEWSLETTER);
        assert_eq!(marked.drawn.len(), plain.len());
        assert!(!marked.html.contains(".invalid"), "no mark is left");
        let links = Html::parse_document(&marked.html);
        let selector = Selector::parse("a[href^='http']").unwrap();
        let badge = Selector::parse(":scope > img:first-child").unwrap();
        let mut seen = 0;
        for link in links.select(&selector) {
            let href = link.value().attr("href").unwrap();
            let Some(at) = plain.iter().position(|url| url == href) else {
                continue;
            };
            let badge = link.select(&badge).next().expect("a badge in the link");
            let words = format!("{} % der \"Klicks\"", at + 1);
            assert_eq!(badge.value().attr("alt"), Some(words.as_str()));
            seen += 1;
        }
        assert!(seen > 30, "{seen}");
        assert!(!marked.html.contains("{{"));
        assert_eq!(
            attributes(&marked.html, "img[width='1']", "src"),
            Vec::<String>::new(),
            "no pixel"
        );
    }

    #[test]
    fn nothing_an_author_writes_keeps_a_badge_away() {
        let marked = drawn(
            "<meta http-equiv='Content-Security-Policy' content=\"img-src 'none'\">\
             <meta http-equiv=refresh content='0;url=https://evil.example/'>\
             <style>img, * { display: none !important; opacity: 0 !important }</style>\
             <!-- <a href='https://a.example/'>x</a> -->\
             <a href='https://a.example/?x=1&amp;y=\"2\"' style=display:block>A\
             <a href=https://b.example/>B<table><tr><td></a><a HREF='https://c.example/'><img src=x>",
        );
        assert_eq!(marked.drawn, BTreeSet::from([1, 2, 3]));
        assert!(!marked.html.contains("http-equiv"));
        assert!(!marked.html.contains("<!--"));
        let styles = attributes(&marked.html, "img[alt$='der \"Klicks\"']", "style");
        assert_eq!(styles.len(), 3);
        for declaration in styles[0].split(';').filter(|part| !part.trim().is_empty()) {
            assert!(declaration.ends_with("!important"), "{declaration}");
        }
        assert!(styles[0].starts_with("all:initial"));
        let targets = attributes(&marked.html, "a[href]", "href");
        assert!(targets.contains(&"https://a.example/?x=1&y=\"2\"".to_owned()));
    }

    #[test]
    fn no_value_of_anybody_is_in_it() {
        let marked = drawn(
            "<p>Hallo {{ vorname|oder('liebe Leserin') }} {{ email }}{{ Kundennummer }}</p>\
             {% if vorname %}<a href='https://a.example/'>A</a>{% endif %}\
             <a href='https://b.example/'>B</a>",
        );
        assert!(marked.html.contains("liebe Leserin"));
        assert_eq!(marked.drawn.len(), 1, "one link is only for some");
    }
}
