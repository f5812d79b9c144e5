//! *Belege*: what a deletion or pseudonymisation did, and that no report changed.

use actix_web::web;
use askama::Template;

use crate::db::models::backups;
use crate::db::models::receipts::{self, Receipt};
use crate::db::reports::Figures;
use crate::domain::role::Role;
use crate::domain::time::Timestamp;
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::filters;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, page};
use crate::web::state::State;

/// How many receipts the list shows.
const SHOWN: i64 = 100;

/// Of more mailings than these, the figures are folded away beneath their result.
const SHOWN_IN_FULL: usize = 2;

#[derive(Template)]
#[template(path = "receipts/show.html")]
struct ReceiptPage {
    page: Page,
    receipt: Receipt,
    mailings: Vec<Comparison>,
    /// Whether the reader may see *Aufbewahrung*.
    is_admin: bool,
}

#[derive(Template)]
#[template(path = "receipts/list.html")]
struct ReceiptsPage {
    page: Page,
    receipts: Vec<Receipt>,
}

#[derive(Template)]
#[template(path = "receipts/letter.html")]
struct LetterPage {
    page: Page,
    receipt: Receipt,
    account: String,
    today: i64,
    /// Until when there are copies of the database from before.
    copies_until: Option<i64>,
    remembers: bool,
}

/// One mailing's figures, ready to be shown side by side.
struct Comparison {
    subject: String,
    rows: Vec<(&'static str, String, String)>,
}

impl Comparison {
    fn is_same(&self) -> bool {
        self.rows.iter().all(|(_, before, after)| before == after)
    }
}

/// GET `/belege`
pub async fn list(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let account_id = signed_in.account_id();
    let receipts = state
        .read(move |conn| receipts::newest(conn, account_id, SHOWN))
        .await?;
    page(&ReceiptsPage {
        page: Page::new(&signed_in, Section::Recipients, "Belege"),
        receipts,
    })
}

/// GET `/belege/{id}`
pub async fn show(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    let account_id = signed_in.account_id();
    let receipt = state
        .read(move |conn| receipts::find(conn, account_id, *id))
        .await?;
    let mailings = receipt
        .figures()?
        .into_iter()
        .map(|both| Comparison {
            rows: rows(&both.before, &both.after),
            subject: both.after.subject,
        })
        .collect();
    let title = if receipt.is_deletion() {
        "Beleg über eine Löschung"
    } else {
        "Beleg über eine Pseudonymisierung"
    };
    page(&ReceiptPage {
        page: Page::new(&signed_in, Section::Recipients, title),
        receipt,
        mailings,
        is_admin: signed_in.user.roles().allow(Role::Admin),
    })
}

/// GET `/belege/{id}/bestaetigung`: a letter about a deletion, for the person (Art. 17 GDPR). Whose
/// it was nobody knows any more: the page has a field for it that is never sent.
pub async fn letter(signed_in: SignedIn, state: web::Data<State>, id: web::Path<i64>) -> WebResult {
    let account_id = signed_in.account_id();
    let now = Timestamp::now();
    let (receipt, copies) = state
        .read(move |conn| {
            let receipt = receipts::find(conn, account_id, *id)?;
            let copies = backups::holding(conn, Timestamp(receipt.created_at), now)?;
            Ok((receipt, copies))
        })
        .await?;
    if !receipt.is_deletion() {
        return Err(WebError::NotFound);
    }
    page(&LetterPage {
        page: Page::new(&signed_in, Section::Recipients, "Bestätigung der Löschung"),
        receipt,
        account: signed_in.account.name.clone(),
        copies_until: copies.iter().map(|copy| copy.expires_at).max(),
        today: now.millis(),
        remembers: signed_in.account.remember_objections,
    })
}

/// One of the figures, as it may be shown: kept back where it could point at one person, as in
/// the report itself.
type Figure = fn(&Figures) -> String;

fn rows(before: &Figures, after: &Figures) -> Vec<(&'static str, String, String)> {
    let figures: [(&str, Figure); 15] = [
        ("Versendet", |f| number(f.handed)),
        ("Personenbezogen gemessen", |f| number(f.handed_personal)),
        ("Öffnungen", |f| number(f.opens)),
        ("Öffnungen, eindeutig", |f| number(f.openers)),
        ("Öffnungen, anonym", |f| {
            filters::format_shown(f.shown_opens())
        }),
        ("Öffnungen, automatisch", |f| number(f.automatic_opens)),
        ("Klicks", |f| number(f.clicks)),
        ("Klicks, eindeutig", |f| number(f.clickers)),
        ("Klicks, anonym", |f| {
            filters::format_shown(f.shown_clicks())
        }),
        ("Klicks, automatisch", |f| number(f.automatic_clicks)),
        ("Dauerhaft unzustellbar", |f| number(f.bounces)),
        ("Vorübergehend unzustellbar", |f| number(f.soft_bounces)),
        ("Als Spam gemeldet", |f| number(f.complaints)),
        ("Abmeldungen", |f| number(f.unsubscriptions)),
        ("Widersprüche", |f| number(f.objections)),
    ];
    figures
        .into_iter()
        .map(|(label, figure)| (label, figure(before), figure(after)))
        .collect()
}

fn number(figure: i64) -> String {
    filters::format_number(figure)
}
