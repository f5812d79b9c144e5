//! Changing whom the account tracks: what exactly it will do, with counts, and the act itself.
//!
//! *Tracking deaktivieren* needs no question (documented procedure 1), since it takes nothing from
//! anybody; this page is for the other ways.

use actix_web::web;
use askama::Template;
use serde::Deserialize;

use super::tracking::notice_of;
use crate::db::models::accounts::Account;
use crate::db::models::recipients::{self, TrackingCounts};
use crate::domain::time::Timestamp;
use crate::domain::tracking::{RecipientTracking, TrackingMode};
use crate::tracking::policy::{Decision, decide};
use crate::tracking::settings;
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::filters;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, page, see_other};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "account/mode.html")]
struct ModePage {
    page: Page,
    account: Account,
    mode: TrackingMode,
    groups: Vec<Group>,
}

/// Recipients who have said the same, and what becomes of them.
struct Group {
    said: RecipientTracking,
    n: i64,
    before: Decision,
    after: Decision,
}

impl ModePage {
    fn question(&self) -> &'static str {
        match self.mode {
            TrackingMode::Active => "Alle ohne Widerspruch erfassen",
            TrackingMode::Consent => "Nur mit Einwilligung erfassen",
            TrackingMode::Off => "Tracking deaktivieren",
        }
    }

    /// How many are tracked afterwards who were not before.
    fn gained(&self) -> i64 {
        self.changed(Decision::Personal)
    }

    fn changed(&self, to: Decision) -> i64 {
        let those = self.groups.iter();
        those
            .filter(|group| group.after == to && group.before != to)
            .map(|group| group.n)
            .sum()
    }
}

impl Group {
    fn who(&self) -> &'static str {
        match self.said {
            RecipientTracking::Unset => "ohne Angabe",
            RecipientTracking::Consented => "mit Einwilligung",
            RecipientTracking::Objected => "mit Widerspruch",
        }
    }

    /// The end of the sentence that begins with them.
    fn what(&self) -> &'static str {
        let (personal, one) = (Decision::Personal, self.n == 1);
        match (self.before == personal, self.after == personal, one) {
            (true, false, true) => {
                "wird nicht mehr personenbezogen erfasst, auch nicht aus E-Mails, die schon versendet sind."
            }
            (true, false, false) => {
                "werden nicht mehr personenbezogen erfasst, auch nicht aus E-Mails, die schon versendet sind."
            }
            (false, true, true) => {
                "wird ab sofort personenbezogen erfasst, aus E-Mails, die von jetzt an versendet werden."
            }
            (false, true, false) => {
                "werden ab sofort personenbezogen erfasst, aus E-Mails, die von jetzt an versendet werden."
            }
            (true, true, true) => "wird weiter personenbezogen erfasst.",
            (true, true, false) => "werden weiter personenbezogen erfasst.",
            (false, false, true) => "wird weiter nicht personenbezogen erfasst.",
            (false, false, false) => "werden weiter nicht personenbezogen erfasst.",
        }
    }
}

/// To which mode.
#[derive(Deserialize)]
pub struct ModeQuery {
    #[serde(default)]
    auf: String,
}

/// The change, and what it was shown as.
#[derive(Deserialize)]
pub struct ModeForm {
    auf: String,
    von: String,
}

/// GET `/benutzerkonto/tracking/modus`
pub async fn ask(
    signed_in: SignedIn,
    state: web::Data<State>,
    query: web::Query<ModeQuery>,
) -> WebResult {
    let mode = parse(&query.auf)?;
    if mode == signed_in.account.tracking_mode {
        return see_other("/benutzerkonto/tracking?meldung=modus-unveraendert");
    }
    let account_id = signed_in.account_id();
    let counts = state
        .read(move |conn| recipients::count_by_tracking(conn, account_id))
        .await?;
    page(&ModePage {
        page: Page::new(&signed_in, Section::Account, "Tracking ändern?"),
        groups: groups(&signed_in.account, mode, counts),
        account: signed_in.account,
        mode,
    })
}

/// POST `/benutzerkonto/tracking/modus`
pub async fn update(
    signed_in: SignedIn,
    state: web::Data<State>,
    form: web::Form<ModeForm>,
) -> WebResult {
    let mode = parse(&form.auf)?;
    let before = parse(&form.von)?;
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    let is_set = state
        .write(move |conn| {
            if settings::lock_mode(conn, account_id)? != before {
                return Ok(false);
            }
            settings::set_account_mode(conn, account_id, mode, &actor, Timestamp::now())?;
            Ok(true)
        })
        .await?;
    if !is_set {
        // Somebody else was faster: what the page said is not what would happen.
        return see_other("/benutzerkonto/tracking?meldung=modus-geaendert");
    }
    let notice = notice_of(mode);
    see_other(format!("/benutzerkonto/tracking?meldung={notice}"))
}

fn parse(word: &str) -> Result<TrackingMode, WebError> {
    word.parse().map_err(|_| WebError::NotFound)
}

/// What becomes of whom; those of whom there is nobody are left out.
fn groups(account: &Account, mode: TrackingMode, counts: TrackingCounts) -> Vec<Group> {
    let before = account.tracking();
    let after = crate::domain::tracking::AccountTracking { mode, ..before };
    [
        (RecipientTracking::Unset, counts.unset),
        (RecipientTracking::Consented, counts.consented),
        (RecipientTracking::Objected, counts.objected),
    ]
    .into_iter()
    .filter(|(_, n)| *n > 0)
    .map(|(said, n)| Group {
        said,
        n,
        before: decide(before, Some(said)),
        after: decide(after, Some(said)),
    })
    .collect()
}
