//! *Hilfe*: what people do with the product, step by step, in the words of its pages.
//!
//! A step names the page it happens on (`data-page`, an address of the table) and marks the
//! labels that stand there (`class="label"`); a test reads every step and looks for each.

pub mod topics;

use actix_web::web;
use askama::Template;

use crate::domain::role::Role;
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, page};

use topics::{Part, TOPICS, Topic};

#[derive(Template)]
#[template(path = "help/index.html")]
struct IndexPage {
    page: Page,
}

#[derive(Template)]
#[template(path = "help/show.html")]
struct TopicPage {
    page: Page,
    topic: &'static Topic,
    /// Whether the reader has a role that may do this.
    may: bool,
}

impl IndexPage {
    /// The parts of the index, each with its topics.
    fn parts() -> impl Iterator<Item = (Part, Vec<&'static Topic>)> {
        Part::ALL
            .into_iter()
            .map(|part| (part, TOPICS.iter().filter(|t| t.part == part).collect()))
    }
}

impl TopicPage {
    /// The roles, in words.
    fn roles(&self) -> String {
        let labels: Vec<&str> = self.topic.roles.iter().map(|role| role.label()).collect();
        match labels[..] {
            [] => "keine nötig".to_owned(),
            [only] if self.topic.roles == [Role::Admin] => only.to_owned(),
            _ => format!("{} oder {}", labels.join(", "), Role::Admin.label()),
        }
    }

    /// Others about the same part of the product.
    fn related(&self) -> impl Iterator<Item = &'static Topic> {
        let (part, word) = (self.topic.part, self.topic.word);
        TOPICS
            .iter()
            .filter(move |other| other.part == part && other.word != word)
    }
}

/// GET `/hilfe`
pub async fn index(signed_in: SignedIn) -> WebResult {
    page(&IndexPage {
        page: Page::new(&signed_in, Section::Help, "Hilfe"),
    })
}

/// GET `/hilfe/{topic}`
pub async fn show(signed_in: SignedIn, word: web::Path<String>) -> WebResult {
    let topic = topics::find(&word).ok_or(WebError::NotFound)?;
    let roles = signed_in.user.roles();
    page(&TopicPage {
        page: Page::new(&signed_in, Section::Help, topic.title),
        topic,
        may: topic.roles.is_empty() || topic.roles.iter().any(|role| roles.allow(*role)),
    })
}
