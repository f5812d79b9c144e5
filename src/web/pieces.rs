//! Pieces of pages with templates of their own. Askama expands a macro into every page that calls
//! it; a piece is compiled once. The macros of `templates/partials/` call them, so a page does not
//! see the difference. Their fields are references throughout, since askama passes a macro's
//! parameter on with any number of references around it, which here fall away.

use std::fmt::Display;

use askama::Template;

use super::assets;
use super::filters;
use super::forms::FormErrors;
use super::page::Page;
use super::versions::{Conflict, Row};

/// The files of every page: icon, style sheets, script.
#[derive(Template)]
#[template(path = "pieces/head.html")]
pub struct Head;

impl Head {
    /// The address of a file in `static/`.
    #[allow(
        clippy::unused_self,
        reason = "templates reach it through what they show"
    )]
    fn asset(&self, path: &str) -> String {
        assets::address(path)
    }
}

/// The head of the signed-in application: brand, main menu, *Abmelden*.
#[derive(Template)]
#[template(path = "pieces/header.html")]
pub struct Header<'a> {
    /// The page it is on.
    pub page: &'a Page,
}

/// The foot of the signed-in application.
#[derive(Template)]
#[template(path = "pieces/footer.html")]
pub struct Footer<'a> {
    /// The page it is on.
    pub page: &'a Page,
}

/// The tabs of *Benutzerkonto*.
#[derive(Template)]
#[template(path = "pieces/account_tabs.html")]
pub struct AccountTabs<'a> {
    /// Which one is shown, by the words in `account/tabs.html`.
    pub active: &'a str,
    /// Whether those that are for administrators alone are among them.
    pub is_admin: &'a bool,
}

/// What is wrong with a form, at the top of the page; nothing when nothing is wrong.
#[derive(Template)]
#[template(path = "pieces/error_summary.html")]
pub struct ErrorSummary<'a> {
    /// What is wrong.
    pub errors: &'a FormErrors,
}

/// What somebody else saved while a form was filled in, beside what was typed.
#[derive(Template)]
#[template(path = "pieces/conflict.html")]
pub struct ConflictNotice<'a> {
    /// What differs.
    pub conflict: &'a Conflict,
}

/// The label of a control.
#[derive(Template)]
#[template(path = "pieces/label.html")]
pub struct Label<'a> {
    /// The name of the field.
    pub name: &'a str,
    /// What the label says.
    pub text: &'a str,
    /// Whether the field may stay empty.
    pub optional: &'a bool,
}

/// What is said about a field, and what is wrong with it.
#[derive(Template)]
#[template(path = "pieces/hint_and_error.html")]
pub struct HintAndError<'a> {
    /// The name of the field.
    pub name: &'a str,
    /// What is said about it, if anything.
    pub hint: &'a str,
    /// What is wrong with it.
    pub error: &'a Option<&'a str>,
}

/// The attribute that ties a control to its [`HintAndError`].
#[derive(Template)]
#[template(path = "pieces/described.html")]
pub struct Described<'a> {
    /// The name of the field.
    pub name: &'a str,
    /// What is said about it, if anything.
    pub hint: &'a str,
    /// What is wrong with it.
    pub error: &'a Option<&'a str>,
}

/// A single-line field of any kind.
#[derive(Template)]
#[template(path = "pieces/text_field.html")]
pub struct TextField<'a> {
    /// The name of the field.
    pub name: &'a str,
    /// What its label says.
    pub label: &'a str,
    /// What it holds.
    pub value: &'a dyn Display,
    /// What is wrong with it.
    pub error: &'a Option<&'a str>,
    /// What is said about it, if anything.
    pub hint: &'a str,
    /// The `type` of the HTML element.
    pub kind: &'a str,
    /// What browsers may fill in; empty for their choice.
    pub autocomplete: &'a str,
    /// Which keyboard a phone shows; empty for its choice.
    pub inputmode: &'a str,
    /// `short`, `medium`, or empty for the width of the form.
    pub size: &'a str,
    /// Whether the field may stay empty.
    pub optional: &'a bool,
    /// Whether it holds language.
    pub spellcheck: &'a bool,
}

/// A radio button or checkbox with its text.
#[derive(Template)]
#[template(path = "pieces/choice.html")]
pub struct Choice<'a> {
    /// `radio` or `checkbox`.
    pub kind: &'a str,
    /// The name of the field.
    pub name: &'a str,
    /// Its place among the choices of the field, from 1.
    pub index: &'a usize,
    /// What is sent when it is chosen.
    pub value: &'a dyn Display,
    /// What it says.
    pub text: &'a str,
    /// What is said about it, if anything.
    pub hint: &'a str,
    /// Whether it is chosen.
    pub is_checked: &'a bool,
}

/// The end of a form: its button, and a way out without doing anything.
#[derive(Template)]
#[template(path = "pieces/submit.html")]
pub struct Submit<'a> {
    /// What the button says.
    pub button: &'a str,
    /// Where the way out leads; empty for none.
    pub cancel: &'a str,
    /// What the way out says.
    pub cancel_text: &'a str,
    /// The look of the button: `primary` or `danger`.
    pub kind: &'a str,
}
