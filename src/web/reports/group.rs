//! *Gruppe aus Auswahl*: of those whom the filter of *Empfängeraktivität* finds.

use actix_web::web;
use askama::Template;
use serde::Deserialize;

use super::activity::address;
use super::report::Report;
use super::selection as words;
use crate::db::DbError;
use crate::db::reports::activity::Filter;
use crate::domain::group::{NAME_TAKEN, name_problem};
use crate::domain::time::Timestamp;
use crate::tracking::selection::{Counts, Selection};
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::filters;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, invalid, page, see_other};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "reports/group.html")]
struct GroupPage {
    page: Page,
    report: Report,
    /// The chosen filter, as it stands in addresses.
    word: String,
    /// The same in words.
    label: String,
    counts: Counts,
    name: String,
    errors: FormErrors,
}

impl GroupPage {
    /// Of whom nothing is known, since nothing personal was measured.
    const fn unknown(&self) -> i64 {
        self.report.anonymous() + self.report.unmeasured()
    }

    fn here(&self) -> String {
        format!("/analysen/{}/aktivitaet/gruppe", self.report.mailing.id)
    }

    fn back(&self) -> String {
        format!(
            "/analysen/{}/aktivitaet?aktivitaet={}",
            self.report.mailing.id, self.word
        )
    }
}

/// Which filter.
#[derive(Deserialize)]
pub struct Chosen {
    #[serde(default)]
    aktivitaet: String,
}

/// What is typed.
#[derive(Deserialize)]
pub struct GroupForm {
    #[serde(default)]
    aktivitaet: String,
    #[serde(default)]
    name: String,
}

/// GET `/analysen/{id}/aktivitaet/gruppe`
pub async fn ask(
    signed_in: SignedIn,
    state: web::Data<State>,
    mailing_id: web::Path<i64>,
    query: web::Query<Chosen>,
) -> WebResult {
    let filter = words::filter(&query.aktivitaet);
    let asked = read(&signed_in, &state, *mailing_id, filter, String::new()).await?;
    if !filter.tells_what_was_done() {
        return see_other(nothing_known(*mailing_id, filter));
    }
    page(&asked)
}

/// POST `/analysen/{id}/aktivitaet/gruppe`
pub async fn create(
    signed_in: SignedIn,
    state: web::Data<State>,
    mailing_id: web::Path<i64>,
    form: web::Form<GroupForm>,
) -> WebResult {
    let GroupForm { aktivitaet, name } = form.into_inner();
    let filter = words::filter(&aktivitaet);
    let mut asked = read(&signed_in, &state, *mailing_id, filter, name.clone()).await?;
    if !filter.tells_what_was_done() || asked.counts.joining == 0 {
        return see_other(nothing_known(*mailing_id, filter));
    }
    if let Some(problem) = name_problem(&name) {
        asked.errors = FormErrors::one("name", problem);
        return invalid(&asked);
    }
    let selection = Selection {
        account_id: signed_in.account_id(),
        mailing_id: *mailing_id,
        filter,
    };
    let (actor, db, joining) = (signed_in.actor(), state.db.clone(), asked.counts.joining);
    let made = web::block(move || {
        let now = Timestamp::now();
        let word = words::word(filter);
        let group_id =
            db.write(|conn| selection.make_group(conn, &name, &word, joining, &actor, now))?;
        let mut next = db.read(|conn| selection.next(conn, 0))?;
        while let Some(last) = next.last().copied() {
            db.write(|conn| selection.join(conn, group_id, &next, now))?;
            next = db.read(|conn| selection.next(conn, last))?;
        }
        Ok(group_id)
    })
    .await?;
    match made {
        Ok(group_id) => see_other(format!("/gruppen/{group_id}?meldung=gruppe-angelegt")),
        Err(DbError::Duplicate) => {
            asked.errors = FormErrors::one("name", NAME_TAKEN);
            invalid(&asked)
        }
        Err(error) => Err(error.into()),
    }
}

/// Where those are listed of whom no group can be made.
fn nothing_known(mailing_id: i64, filter: Filter) -> String {
    address(&format!("/analysen/{mailing_id}/aktivitaet"), filter, &[])
}

async fn read(
    signed_in: &SignedIn,
    state: &State,
    mailing_id: i64,
    filter: Filter,
    name: String,
) -> Result<GroupPage, WebError> {
    let account_id = signed_in.account_id();
    let selection = Selection {
        account_id,
        mailing_id,
        filter,
    };
    let (report, counts) = state
        .read(move |conn| {
            let report = Report::read(conn, account_id, mailing_id)?;
            Ok((report, selection.count(conn)?))
        })
        .await?;
    Ok(GroupPage {
        page: Page::new(signed_in, Section::Reports, "Gruppe aus Auswahl"),
        word: words::word(filter),
        label: words::label(filter, &report.links),
        report,
        counts,
        name,
        errors: FormErrors::new(),
    })
}
