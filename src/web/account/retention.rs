//! Tab *Aufbewahrung*: after how long tracking data is pseudonymised by itself. And the whole
//! account's past at once, from the tab *Personenbez. Tracking*.

use actix_web::web;
use askama::Template;

use super::saving::{self, Sent};
use crate::db::Conn;
use crate::db::models::accounts::Account;
use crate::db::models::audit::Action;
use crate::db::models::backups::{self, Backup};
use crate::db::models::receipts::ReceiptKind;
use crate::domain::time::Timestamp;
use crate::erasure::past::{self, Preview};
use crate::erasure::retention::{self, MONTHS};
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::fields::Fields;
use crate::web::filters;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, invalid, overtaken, page, see_other};
use crate::web::state::State;
use crate::web::versions::Snapshot;

/// Of more mailings the preview only says how many.
const SHOWN: usize = 50;

const WRONG: &str = "Geben Sie eine ganze Zahl von 1 bis 120 an, oder lassen Sie das Feld leer: Dann wird nichts von selbst pseudonymisiert.";

#[derive(Template)]
#[template(path = "account/retention.html")]
struct RetentionPage {
    page: Page,
    /// What stands in the field.
    months: String,
    /// What is set.
    kept: Option<i64>,
    next: Option<(i64, Preview)>,
    /// Of the whole installation, the oldest first.
    backups: Vec<Backup>,
    errors: FormErrors,
}

#[derive(Template)]
#[template(path = "account/past.html")]
struct PastPage {
    page: Page,
    preview: Preview,
}

/// GET `/benutzerkonto/aufbewahrung`
pub async fn show(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let months = signed_in.account.retention_months;
    let months = months.map(|months| months.to_string()).unwrap_or_default();
    let kept = snapshot(&months);
    let mut shown = retention_page(signed_in, &state, months, FormErrors::new()).await?;
    shown.page = shown.page.made_from(&kept);
    page(&shown)
}

fn snapshot(months: &str) -> Snapshot {
    let label = "Tracking-Daten pseudonymisieren nach … Monaten";
    Snapshot::default().text("monate", label, months)
}

async fn retention_page(
    signed_in: SignedIn,
    state: &State,
    months: String,
    errors: FormErrors,
) -> Result<RetentionPage, WebError> {
    let account = signed_in.account.clone();
    let (next, backups) = state
        .read(move |conn| {
            Ok((
                retention::next_run(conn, &account)?,
                backups::living(conn, Timestamp::now())?,
            ))
        })
        .await?;
    Ok(RetentionPage {
        page: Page::new(&signed_in, Section::Account, "Benutzerkonto"),
        months,
        kept: signed_in.account.retention_months,
        next: next.map(|(at, preview)| (at.millis(), preview)),
        backups,
        errors,
    })
}

/// POST `/benutzerkonto/aufbewahrung`
pub async fn update(
    signed_in: SignedIn,
    state: web::Data<State>,
    form: web::Form<Fields>,
) -> WebResult {
    let text = form.text("monate").trim().to_owned();
    let months = match text.parse::<i64>() {
        _ if text.is_empty() => None,
        Ok(months) if MONTHS.contains(&months) => Some(months),
        _ => {
            let errors = FormErrors::one("monate", WRONG);
            let mut shown = retention_page(signed_in, &state, text, errors).await?;
            shown.page = shown.page.again(&form);
            return invalid(&shown);
        }
    };
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    let sent = Sent {
        fields: form.into_inner(),
        mine: snapshot(&text),
        acts: &[Action::RetentionChanged],
    };
    let kept = |_: &mut Conn, account: &Account| {
        let months = account.retention_months.map(|months| months.to_string());
        Ok(snapshot(&months.unwrap_or_default()))
    };
    let store =
        move |conn: &mut Conn| retention::set(conn, account_id, months, &actor, Timestamp::now());
    let path = "/benutzerkonto/aufbewahrung";
    let Some((both, last)) = saving::save(&state, account_id, sent, kept, store).await? else {
        return see_other(format!("{path}?meldung=gespeichert"));
    };
    let months = both.merged.text("monate").to_owned();
    let mut shown = retention_page(signed_in, &state, months, FormErrors::new()).await?;
    shown.page = shown.page.overtaken(both, last, path);
    overtaken(&shown)
}

/// POST `/benutzerkonto/aufbewahrung/jetzt`
pub async fn run_now(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let (account, actor) = (signed_in.account.clone(), signed_in.actor());
    let db = state.db.clone();
    let job =
        web::block(move || retention::run_now(&db, &account, &actor, Timestamp::now())).await??;
    match job {
        Some(job) => {
            state.past.wake();
            see_other(format!("/auftraege/{}", job.id))
        }
        None => see_other("/benutzerkonto/aufbewahrung?meldung=nichts-so-alt"),
    }
}

/// GET `/benutzerkonto/tracking/vergangenheit`
pub async fn ask(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let account_id = signed_in.account_id();
    let preview = state
        .read(move |conn| past::preview(conn, account_id, Timestamp::now()))
        .await?;
    page(&PastPage {
        page: Page::new(
            &signed_in,
            Section::Account,
            "Gesamte Vergangenheit pseudonymisieren?",
        ),
        preview,
    })
}

/// POST `/benutzerkonto/tracking/vergangenheit`
pub async fn pseudonymise(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let (account_id, actor) = (signed_in.account_id(), signed_in.actor());
    let now = Timestamp::now();
    let preview = state
        .read(move |conn| past::preview(conn, account_id, now))
        .await?;
    if preview.mailings.is_empty() {
        return see_other("/benutzerkonto/tracking?meldung=keine-vergangenheit");
    }
    let job = state
        .write(move |conn| {
            past::start(
                conn,
                account_id,
                ReceiptKind::Past,
                (now, &preview),
                &actor,
                now,
            )
        })
        .await?;
    state.past.wake();
    see_other(format!("/auftraege/{}", job.id))
}
