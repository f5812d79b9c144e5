//! *Senden*: what will happen, the start (now or later), how far it has come, halting and ending.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::{moment, review};
use crate::db::models::mailings::{self, Mailing, MailingGroup};
use crate::domain::day::any_date;
use crate::domain::time::Timestamp;
use crate::mail::check::{self, Finding};
use crate::sending::preparation::{self, Audience, Halt};
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::filters;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, invalid, page, see_other};
use crate::web::state::State;

/// When a mailing is to be sent, as typed: the time of the clock in Germany.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ScheduleForm {
    #[serde(default)]
    date: String,
    #[serde(default)]
    time: String,
}

impl ScheduleForm {
    /// The moment that is meant. A time that the clocks leave out in spring is an hour later.
    fn moment(&self, now: Timestamp) -> Result<Timestamp, FormErrors> {
        let mut errors = FormErrors::new();
        let date = any_date(&self.date).map_err(|problem| {
            let prompt = "Geben Sie ein Datum ein, zum Beispiel 24.12.2026.";
            errors.add("date", problem.sentence(prompt));
        });
        let time = moment::time(&self.time);
        if time.is_none() {
            errors.add("time", "Geben Sie eine Uhrzeit ein, zum Beispiel 09:30.");
        }
        let (Ok(date), Some(time)) = (date, time) else {
            return Err(errors);
        };
        let moment = date
            .to_datetime(time)
            .in_tz("Europe/Berlin")
            .map_err(|_| FormErrors::one("date", "Diese Zeit gibt es nicht."))?;
        let at = Timestamp(moment.timestamp().as_millisecond());
        if at <= now {
            return Err(FormErrors::one("date", "Diese Zeit ist schon vorbei."));
        }
        if at > now.plus_days(366) {
            return Err(FormErrors::one(
                "date",
                "Die Zeit darf höchstens ein Jahr in der Zukunft liegen.",
            ));
        }
        Ok(at)
    }
}

#[derive(Template)]
#[template(path = "mailings/send.html")]
struct SendPage {
    page: Page,
    mailing: Mailing,
    groups: Vec<MailingGroup>,
    audience: Audience,
    total: i64,
    findings: Vec<Finding>,
    form: ScheduleForm,
    errors: FormErrors,
}

impl SendPage {
    fn can_start(&self) -> bool {
        check::can_be_sent(&self.findings)
    }
}

#[derive(Template)]
#[template(path = "mailings/progress.html")]
struct ProgressPart {
    mailing: Mailing,
    progress: Progress,
}

#[derive(Template)]
#[template(path = "mailings/cancel.html")]
struct CancelPage {
    page: Page,
    mailing: Mailing,
}

/// How a mailing on its way gets on.
pub(super) struct Progress {
    /// How many mails were put off and are tried again.
    pub(super) deferred: i64,
    per_minute: Option<i64>,
}

impl Progress {
    /// What is known of it now.
    pub(super) fn of(state: &State, mailing: &Mailing, deferred: i64) -> Self {
        let paces = state.sender.paces();
        Self {
            deferred,
            per_minute: paces.per_minute(mailing.id, mailing.ended(), Timestamp::now()),
        }
    }

    /// How far it has come, how fast it goes, and how long that takes, as a sentence.
    pub(super) fn text(&self, mailing: &Mailing) -> String {
        if mailing.deliveries == 0 {
            return "wird vorbereitet".to_owned();
        }
        let mut text = format!(
            "{} von {}",
            filters::format_number(mailing.ended()),
            filters::format_number(mailing.deliveries)
        );
        if let Some(pace) = self.per_minute.filter(|pace| *pace > 0) {
            let left = mailing.deliveries - mailing.ended() - self.deferred;
            text = format!("{text}, {} je Minute", filters::format_number(pace));
            text = match left / pace {
                _ if left <= 0 => text,
                0 => format!("{text}, noch weniger als eine Minute"),
                1 => format!("{text}, noch etwa eine Minute"),
                minutes @ 2..120 => format!("{text}, noch etwa {minutes} Minuten"),
                minutes => format!(
                    "{text}, noch etwa {} Stunden",
                    filters::format_number(minutes / 60)
                ),
            };
        }
        text
    }
}

/// GET `/e-mailings/{id}/senden`
pub async fn new(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    let found = sending(
        &signed_in,
        &state,
        *id,
        ScheduleForm::default(),
        FormErrors::new(),
    );
    match found.await? {
        Some(shown) => page(&shown),
        None => see_other(format!("/e-mailings/{id}")),
    }
}

/// The page; none when the mailing is no draft.
async fn sending(
    signed_in: &SignedIn,
    state: &State,
    id: i64,
    form: ScheduleForm,
    errors: FormErrors,
) -> Result<Option<SendPage>, WebError> {
    let account_id = signed_in.account_id();
    let (mailing, groups, audience) = state
        .read(move |conn| {
            Ok((
                mailings::find(conn, account_id, id)?,
                mailings::groups_of(conn, account_id, id)?,
                preparation::audience(conn, account_id, id, Timestamp::now())?,
            ))
        })
        .await?;
    if !mailing.is_draft() {
        return Ok(None);
    }
    Ok(Some(SendPage {
        page: Page::new(signed_in, Section::Mailings, "E-Mailing senden"),
        findings: review::of(signed_in, state, &mailing).await?,
        mailing,
        groups,
        total: audience.total(),
        audience,
        form,
        errors,
    }))
}

/// POST `/e-mailings/{id}/planen`
pub async fn schedule(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
    form: web::Form<ScheduleForm>,
) -> WebResult {
    let (account_id, id, actor, form) = (signed_in.account_id(), *id, signed_in.actor(), form.0);
    let now = Timestamp::now();
    let at = match form.moment(now) {
        Ok(at) => at,
        Err(errors) => {
            return match sending(&signed_in, &state, id, form, errors).await? {
                Some(shown) => invalid(&shown),
                None => see_other(format!("/e-mailings/{id}")),
            };
        }
    };
    review::pass(&signed_in, &state, id).await?;
    state
        .write(move |conn| preparation::schedule(conn, account_id, id, at, &actor, now))
        .await?;
    state.sender.wake();
    see_other(format!("/e-mailings/{id}?meldung=versand-geplant"))
}

async fn halt(signed_in: &SignedIn, state: &State, id: i64, how: Halt, word: &str) -> WebResult {
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    state
        .write(move |conn| preparation::halt(conn, account_id, id, how, &actor, Timestamp::now()))
        .await?;
    state.sender.wake();
    see_other(format!("/e-mailings/{id}?meldung={word}"))
}

/// POST `/e-mailings/{id}/planung-aufheben`
pub async fn unschedule(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    halt(
        &signed_in,
        &state,
        *id,
        Halt::Unschedule,
        "planung-aufgehoben",
    )
    .await
}

/// POST `/e-mailings/{id}/anhalten`
pub async fn pause(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    halt(&signed_in, &state, *id, Halt::Pause, "versand-angehalten").await
}

/// POST `/e-mailings/{id}/fortsetzen`
pub async fn resume(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    halt(&signed_in, &state, *id, Halt::Resume, "versand-fortgesetzt").await
}

/// GET `/e-mailings/{id}/abbrechen`
pub async fn confirm_cancelling(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let (account_id, id) = (signed_in.account_id(), *id);
    let mailing = state
        .read(move |conn| mailings::find(conn, account_id, id))
        .await?;
    if !mailing.can_be_cancelled() {
        return see_other(format!("/e-mailings/{id}"));
    }
    page(&CancelPage {
        page: Page::new(&signed_in, Section::Mailings, "Versand abbrechen?"),
        mailing,
    })
}

/// POST `/e-mailings/{id}/abbrechen`
pub async fn cancel(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    halt(&signed_in, &state, *id, Halt::Cancel, "versand-abgebrochen").await
}

/// POST `/e-mailings/{id}/senden`
pub async fn create(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    let (account_id, id, actor) = (signed_in.account_id(), *id, signed_in.actor());
    review::pass(&signed_in, &state, id).await?;
    state
        .write(move |conn| preparation::start(conn, account_id, id, &actor, Timestamp::now()))
        .await?;
    state.sender.wake();
    see_other(format!("/e-mailings/{id}?meldung=versand-gestartet"))
}

/// GET `/e-mailings/{id}/stand`
pub async fn progress(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
) -> WebResult {
    let (account_id, id) = (signed_in.account_id(), *id);
    let (mailing, deferred) = state
        .read(move |conn| {
            Ok((
                mailings::find(conn, account_id, id)?,
                crate::db::models::sending::deferred(conn, account_id, id)?,
            ))
        })
        .await?;
    let mut response = HttpResponse::Ok();
    response.content_type("text/html; charset=utf-8");
    if !mailing.is_on_its_way() {
        response.insert_header(("X-Fertig", "ja"));
    }
    let progress = Progress::of(&state, &mailing, deferred);
    let body = ProgressPart { mailing, progress }
        .render()
        .map_err(WebError::from)?;
    Ok(response.body(body))
}
