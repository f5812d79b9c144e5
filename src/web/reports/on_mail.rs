//! *Klicks in der E-Mail*: the mail itself, with the share of clicks on each of its links.

use std::collections::BTreeSet;

use actix_web::{HttpResponse, web};
use askama::Template;

use super::report::{LinkLine, Report, Shares};
use crate::db::models::mailings::{self, Mailing};
use crate::mail::shares::{self, Badge, Marked};
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::filters::{self, format_number, format_percent};
use crate::web::mail_document::{self, Shown};
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, page};
use crate::web::state::State;

#[derive(Template)]
#[template(path = "reports/on_mail.html")]
struct OnMailPage {
    page: Page,
    report: Report,
    /// The most clicked first.
    lines: Vec<Line>,
    with_anonymous: bool,
    clicks: i64,
    /// Whether the mail can be drawn without anybody's values.
    is_drawn: bool,
}

/// A link of the ranking.
struct Line {
    url: String,
    clicks: i64,
    unique: i64,
    share: String,
    /// The length of its bar, from 0 to 100.
    percent: i64,
    /// Whether it stands in the mail as it is drawn.
    is_drawn: bool,
}

/// GET `/analysen/{id}/e-mail`
pub async fn show(
    signed_in: SignedIn,
    state: web::Data<State>,
    mailing_id: web::Path<i64>,
) -> WebResult {
    let (report, mailing) = read(&signed_in, &state, *mailing_id).await?;
    let (report, marked) = draw(report, mailing).await?;
    let shares = report.shares();
    let nothing = BTreeSet::new();
    let drawn = marked.as_ref().map_or(&nothing, |marked| &marked.drawn);
    let mut lines: Vec<Line> = report
        .links
        .iter()
        .map(|link| line(link, &shares, drawn))
        .collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.clicks));
    page(&OnMailPage {
        page: Page::new(&signed_in, Section::Reports, report.mailing.subject.clone()),
        lines,
        with_anonymous: shares.with_anonymous,
        clicks: shares.whole,
        is_drawn: marked.is_some(),
        report,
    })
}

/// GET `/analysen/{id}/e-mail/inhalt`
pub async fn content(
    signed_in: SignedIn,
    state: web::Data<State>,
    mailing_id: web::Path<i64>,
) -> Result<HttpResponse, WebError> {
    let (report, mailing) = read(&signed_in, &state, *mailing_id).await?;
    let (_, marked) = draw(report, mailing).await?;
    let marked = marked.ok_or(WebError::Conflict(CANNOT))?;
    Ok(mail_document::html(marked.html, Shown::Preview))
}

const CANNOT: &str = "Diese E-Mail lässt sich ohne die Angaben eines Empfängers nicht darstellen.";

async fn read(
    signed_in: &SignedIn,
    state: &State,
    mailing_id: i64,
) -> Result<(Report, Mailing), WebError> {
    let account_id = signed_in.account_id();
    state
        .read(move |conn| {
            Ok((
                Report::read(conn, account_id, mailing_id)?,
                mailings::find(conn, account_id, mailing_id)?,
            ))
        })
        .await
}

/// Off the async threads: a long mailing takes its time.
async fn draw(report: Report, mailing: Mailing) -> Result<(Report, Option<Marked>), WebError> {
    Ok(web::block(move || {
        let shares = report.shares();
        let links: Vec<(i32, String)> = report
            .links
            .iter()
            .filter_map(|link| Some((i32::try_from(link.number).ok()?, link.url.clone())))
            .collect();
        let marked = shares::draw(&mailing.html, &links, |number| {
            Some(badge(&shares, i64::from(number)))
        });
        (report, marked.ok())
    })
    .await?)
}

fn badge(shares: &Shares, number: i64) -> Badge {
    let clicks = shares.of(number);
    let share = share(clicks, shares.whole);
    Badge {
        words: format!(
            "{share} der Klicks ({} von {})",
            format_number(clicks),
            format_number(shares.whole)
        ),
        text: share,
        clicked: clicks > 0,
    }
}

/// A share; nothing of nothing is nothing here.
fn share(clicks: i64, whole: i64) -> String {
    format_percent(clicks, whole.max(1))
}

fn line(link: &LinkLine, shares: &Shares, drawn: &BTreeSet<i32>) -> Line {
    let clicks = shares.of(link.number);
    Line {
        url: link.url.clone(),
        clicks,
        unique: link.clicks.unique,
        share: share(clicks, shares.whole),
        percent: clicks * 100 / shares.whole.max(1),
        is_drawn: i32::try_from(link.number).is_ok_and(|number| drawn.contains(&number)),
    }
}
