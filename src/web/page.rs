//! What surrounds every page: title, menu, notice, addresses of style sheets.

use crate::db::models::last_change::LastChange;
use crate::domain::role::Role;
use crate::web::access::SignedIn;
use crate::web::fields::Fields;
use crate::web::help::topics::Topic;
use crate::web::notice::Notice;
use crate::web::versions::{Conflict, Overtaken, STAMP, Snapshot};

/// Where in the Hauptmenü a page belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// *E-Mailings*.
    Mailings,
    /// *Analysen*.
    Reports,
    /// *Empfänger*.
    Recipients,
    /// *Benutzerkonto*.
    Account,
    /// *Postausgang*.
    Outbox,
    /// *Hilfe*.
    Help,
    /// None of them.
    None,
}

/// Who is signed in, as the menu shows it.
#[derive(Debug, Clone)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "one for each entry of the menu"
)]
pub struct PageUser {
    /// The user's name.
    pub name: String,
    /// The address the user signs in with.
    pub email: String,
    /// The account's name.
    pub account: String,
    /// Whether *E-Mailings* and *Postausgang* are shown.
    pub can_mailings: bool,
    /// Whether *Analysen* is shown.
    pub can_reports: bool,
    /// Whether *Empfänger* is shown.
    pub can_recipients: bool,
    /// Whether *Benutzerkonto* is shown.
    pub can_account: bool,
    /// Whether all of it is.
    pub is_admin: bool,
}

/// What surrounds a page.
#[derive(Debug, Clone)]
pub struct Page {
    /// The page's title, also its heading.
    pub title: String,
    /// Who is signed in.
    pub user: Option<PageUser>,
    /// What helps with this page.
    pub help: Option<&'static Topic>,
    /// What the page says at its top.
    pub notice: Option<Notice>,
    /// The stamp of the state that the forms of the page were made from ([`crate::web::versions`]).
    pub stamp: String,
    /// What somebody else saved meanwhile.
    pub conflict: Option<Conflict>,
    section: Section,
}

impl Page {
    /// A page for a signed-in user.
    pub fn new(signed_in: &SignedIn, section: Section, title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            user: Some(PageUser::new(signed_in)),
            help: signed_in.help,
            notice: signed_in.notice,
            stamp: String::new(),
            conflict: None,
            section,
        }
    }

    /// A page for somebody who is not signed in.
    pub fn public(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            user: None,
            help: None,
            notice: None,
            stamp: String::new(),
            conflict: None,
            section: Section::None,
        }
    }

    /// With a notice.
    #[must_use]
    pub fn with_notice(mut self, notice: Option<Notice>) -> Self {
        self.notice = notice;
        self
    }

    /// With forms that were made from this state.
    #[must_use]
    pub fn made_from(mut self, state: &Snapshot) -> Self {
        self.stamp.push_str(&state.stamp());
        self
    }

    /// With a form that is shown again as it was sent: it still comes from the state of that time.
    #[must_use]
    pub fn again(mut self, sent: &Fields) -> Self {
        sent.text(STAMP).clone_into(&mut self.stamp);
        self
    }

    /// With a form that somebody else has overtaken. `path` shows what is stored.
    #[must_use]
    pub fn overtaken(mut self, overtaken: Overtaken, last: LastChange, path: &str) -> Self {
        self.stamp = overtaken.stamp;
        self.conflict = Some(Conflict {
            rows: overtaken.rows,
            last,
            path: path.to_owned(),
        });
        self
    }

    /// Whether an administrator looks at the page.
    pub fn is_for_admin(&self) -> bool {
        self.user.as_ref().is_some_and(|user| user.is_admin)
    }

    /// Whether the page belongs to that part of the menu.
    pub fn in_section(&self, name: &str) -> bool {
        name == match self.section {
            Section::Mailings => "mailings",
            Section::Reports => "reports",
            Section::Recipients => "recipients",
            Section::Account => "account",
            Section::Outbox => "outbox",
            Section::Help => "help",
            Section::None => "",
        }
    }
}

impl PageUser {
    /// As the menu shows a signed-in user.
    pub fn new(signed_in: &SignedIn) -> Self {
        let roles = signed_in.user.roles();
        let is_open = !signed_in.must_set_up();
        let can = |role| is_open && roles.allow(role);
        Self {
            name: signed_in.user.name.clone(),
            email: signed_in.user.email.clone(),
            account: signed_in.account.name.clone(),
            can_mailings: can(Role::Mailings) || can(Role::Sending),
            can_reports: can(Role::Reports),
            can_recipients: can(Role::Recipients),
            can_account: is_open,
            is_admin: can(Role::Admin),
        }
    }
}
