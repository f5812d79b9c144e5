//! *Löschen nach Liste*: addresses are pasted or sent as a file, looked up, shown what deleting them
//! would do, and deleted as many recipients are ([`super::bulk`]).
//!
//! A list is full of addresses, so it is kept nowhere: a file goes as soon as it is read, and what
//! is no address or nobody's is told on the page that answers, once (rule P7).

use std::fs::File;
use std::io::{Cursor, Read, Seek};

use actix_multipart::Multipart;
use actix_web::{HttpRequest, web};
use askama::Template;
use futures_util::TryStreamExt;
use serde::Deserialize;

use crate::db::models::jobs;
use crate::db::{Db, DbError};
use crate::domain::time::Timestamp;
use crate::erasure::list::{self, DryRun, MINUTES_TO_CONFIRM};
use crate::import::addresses::{AddressList, Layout, layout};
use crate::import::uploads::Upload;
use crate::import::{ReadError, RefusedRow};
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::filters;
use crate::web::forms::FormErrors;
use crate::web::imports::parts;
use crate::web::page::{Page, Section};
use crate::web::recipients::bulk;
use crate::web::respond::{WebResult, invalid, page, see_other};
use crate::web::state::State;

/// The largest file that is taken, in bytes: more than a million addresses.
const MOST_BYTES: u64 = 50 * 1024 * 1024;

/// The longest text that can be pasted, in bytes: some hundred thousand addresses.
const MOST_TEXT: usize = 4 * 1024 * 1024;

/// How many of the entries that are no addresses are shown.
const SHOWN: usize = 50;

const NOTHING: &str = "Fügen Sie Adressen ein, oder wählen Sie eine Datei aus.";
const TOO_LARGE: &str = "Die Datei ist größer als 50 MB. Bitte teilen Sie sie auf.";
const TOO_LONG: &str = "Der Text ist länger als 4 MB. Bitte laden Sie die Adressen als Datei hoch.";
const BOTH: &str =
    "Fügen Sie entweder Adressen ein, oder wählen Sie eine Datei aus. Beides zugleich geht nicht.";

#[derive(Template)]
#[template(path = "recipients/deletion_list.html")]
struct FormPage {
    page: Page,
    text: String,
    errors: FormErrors,
}

/// What would be done, and what of the list can't be used.
#[derive(Template)]
#[template(path = "recipients/deletion_list_preview.html")]
struct PreviewPage {
    page: Page,
    run: DryRun,
    refused: Refused,
    layout: Layout,
    made_at: i64,
    remembers: bool,
}

impl PreviewPage {
    /// Which part of the list was read.
    fn source(&self) -> String {
        match &self.layout {
            Layout::Column {
                name: Some(name), ..
            } => format!("Gelesen wurde die Spalte „{name}“."),
            Layout::Column { index, .. } => format!("Gelesen wurde die {}. Spalte.", index + 1),
            Layout::Text { .. } => String::new(),
        }
    }
}

/// Entries that are no addresses: how many, and the first of them.
#[derive(Default)]
struct Refused {
    count: i64,
    first: Vec<RefusedRow>,
}

/// What came with the form.
#[derive(Default)]
struct Received {
    /// None where it is too long.
    text: Option<String>,
    file: Option<(Upload, File)>,
    size: u64,
}

/// What comes with the confirmation.
#[derive(Deserialize)]
pub struct ConfirmForm {
    /// When the dry run was made, in milliseconds: tells an old one from a wrong address.
    #[serde(default)]
    made_at: i64,
}

/// GET `/empfaenger/loeschliste`
pub async fn new(signed_in: SignedIn) -> WebResult {
    page(&FormPage::new(&signed_in, String::new(), FormErrors::new()))
}

/// POST `/empfaenger/loeschliste`: the dry run.
pub async fn create(
    signed_in: SignedIn,
    state: web::Data<State>,
    request: HttpRequest,
    payload: web::Payload,
) -> WebResult {
    let received = receive(&state, parts::of(&request, payload)?).await?;
    let text = received.text.clone().unwrap_or_default();
    if let Some((field, problem)) = received.problem() {
        let errors = FormErrors::one(field, problem);
        return invalid(&FormPage::new(&signed_in, text, errors));
    }
    let whose = (signed_in.account_id(), signed_in.user.id);
    let (db, now) = (state.db.clone(), Timestamp::now());
    let looked_up = web::block(move || {
        if let Some((_upload, file)) = received.file {
            // The file goes when the upload is dropped, whatever comes of it.
            return look_up(&db, whose, file, now);
        }
        let text = received.text.unwrap_or_default();
        look_up(&db, whose, Cursor::new(text.into_bytes()), now)
    })
    .await??;
    match looked_up {
        Ok((run, refused, layout)) => page(&PreviewPage {
            page: Page::new(&signed_in, Section::Recipients, "Nach Liste löschen?"),
            run,
            refused,
            layout,
            made_at: now.millis(),
            remembers: signed_in.account.remember_objections,
        }),
        Err(problem) => {
            let field = if text.is_empty() { "datei" } else { "adressen" };
            let errors = FormErrors::one(field, problem);
            invalid(&FormPage::new(&signed_in, text, errors))
        }
    }
}

/// POST `/empfaenger/loeschliste/{id}`: does it.
pub async fn confirm(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
    form: web::Form<ConfirmForm>,
) -> WebResult {
    let (account_id, user_id) = (signed_in.account_id(), signed_in.user.id);
    let (draft, actor) = (*id, signed_in.actor());
    let (now, node) = (Timestamp::now(), state.cleaner.node().to_owned());
    let job = state
        .write(move |conn| {
            match list::confirm(conn, (account_id, user_id), draft, &actor, &node, now) {
                Ok(job) => Ok(Some(job)),
                // Sent twice: it is running, or done.
                Err(DbError::NotFound) if jobs::find(conn, account_id, draft).is_ok() => Ok(None),
                Err(error) => Err(error),
            }
        })
        .await;
    match job {
        Ok(Some(job)) => bulk::go(&state, &job).await,
        Ok(None) => see_other(format!("/auftraege/{draft}")),
        Err(WebError::NotFound) if is_over(form.made_at, now) => {
            see_other("/empfaenger/loeschliste?meldung=loeschliste-abgelaufen")
        }
        Err(error) => Err(error),
    }
}

/// Whether a dry run of that time can be confirmed no longer.
fn is_over(made_at: i64, now: Timestamp) -> bool {
    made_at > 0 && made_at < now.millis() - MINUTES_TO_CONFIRM * 60_000
}

impl FormPage {
    fn new(signed_in: &SignedIn, text: String, errors: FormErrors) -> Self {
        Self {
            page: Page::new(signed_in, Section::Recipients, "Löschen nach Liste"),
            text,
            errors,
        }
    }
}

impl Received {
    fn problem(&self) -> Option<(&'static str, &'static str)> {
        let has_text = self
            .text
            .as_ref()
            .is_some_and(|text| !text.trim().is_empty());
        match (self.size > 0, has_text) {
            _ if self.text.is_none() => Some(("adressen", TOO_LONG)),
            _ if self.size > MOST_BYTES => Some(("datei", TOO_LARGE)),
            (true, true) => Some(("adressen", BOTH)),
            (false, false) => Some(("adressen", NOTHING)),
            (true, false) | (false, true) => None,
        }
    }
}

/// What came of reading and looking up; or what is wrong with the list.
type LookedUp = Result<(DryRun, Refused, Layout), String>;

fn look_up(
    db: &Db,
    whose: (i64, i64),
    mut file: impl Read + Seek,
    now: Timestamp,
) -> Result<LookedUp, WebError> {
    let (layout, entries) = match open(&mut file) {
        Ok(opened) => opened,
        Err(ReadError::Io(error)) => return Err(WebError::from(error)),
        Err(problem) => return Ok(Err(problem.to_string())),
    };
    let mut refused = Refused::default();
    let mut trouble = None;
    let addresses = entries
        .map_while(|entry| entry.map_err(|error| trouble = Some(error)).ok())
        .filter_map(|entry| entry.map_err(|row| refused.add(row)).ok());
    let run = list::dry_run(db, whose, addresses, now)?;
    match trouble {
        None => Ok(Ok((run, refused, layout))),
        Some(error) => {
            if let Some(draft) = run.draft {
                list::give_up(db, whose.0, draft)?;
            }
            match error {
                ReadError::Io(error) => Err(WebError::from(error)),
                problem => Ok(Err(problem.to_string())),
            }
        }
    }
}

fn open<R: Read + Seek>(file: &mut R) -> Result<(Layout, AddressList<&mut R>), ReadError> {
    file.rewind()?;
    let layout = layout(file)?;
    let entries = AddressList::new(file, &layout)?;
    Ok((layout, entries))
}

impl Refused {
    /// Whether there are more than are shown.
    fn is_cut(&self) -> bool {
        usize::try_from(self.count).is_ok_and(|count| count > self.first.len())
    }

    fn add(&mut self, row: RefusedRow) {
        self.count += 1;
        if self.first.len() < SHOWN {
            self.first.push(row);
        }
    }
}

/// Takes in what the browser sends. A file that is too large is not read to its end.
async fn receive(state: &State, mut payload: Multipart) -> Result<Received, WebError> {
    let mut received = Received {
        text: Some(String::new()),
        ..Received::default()
    };
    while let Some(mut field) = payload.try_next().await.map_err(|e| parts::broken(&e))? {
        match field.name().unwrap_or_default() {
            "adressen" => received.text = parts::text(&mut field, MOST_TEXT).await?,
            "datei" if received.file.is_none() => {
                let (upload, file) = state.imports.uploads.receive().map_err(WebError::from)?;
                let (file, size) = parts::store(&mut field, file, MOST_BYTES).await?;
                received.size = size;
                if size > MOST_BYTES {
                    break;
                }
                if size > 0 {
                    received.file = Some((upload, file));
                }
            }
            _ => {
                while field
                    .try_next()
                    .await
                    .map_err(|e| parts::broken(&e))?
                    .is_some()
                {}
            }
        }
    }
    Ok(received)
}
