//! Sending a CSV file: streamed to the data directory, never held in memory.

use std::fs::File;

use actix_multipart::{Field, Multipart};
use actix_web::{HttpRequest, web};
use askama::Template;
use futures_util::TryStreamExt;

use crate::db::models::groups::{self, Group};
use crate::db::models::imports::{self, Import, ImportStatus, NewImport};
use crate::db::paging::Position;
use crate::db::{Conn, DbResult};
use crate::domain::group::name_problem;
use crate::domain::time::Timestamp;
use crate::import::columns::MAX_COLUMNS;
use crate::import::run::Settings;
use crate::import::uploads::Upload;
use crate::import::{Inspection, MappingProblem, ReadError, inspect};
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::filters;
use crate::web::forms::FormErrors;
use crate::web::imports::parts;
use crate::web::page::{Page, Section};
use crate::web::paging::{Links, PAGE_SIZE};
use crate::web::respond::{WebResult, invalid, see_other};
use crate::web::state::State;

/// The largest file that is taken, in bytes: some ten million rows.
const MOST_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// The longest value of a plain field of the form, in bytes.
const MOST_TEXT: usize = 4_096;

/// How many rows are looked at to recognise the columns.
const SAMPLE_ROWS: usize = 100;

const NO_FILE: &str = "Wählen Sie eine CSV-Datei aus.";
const TOO_LARGE: &str = "Die Datei ist größer als 2 GB. Bitte teilen Sie sie auf.";
const NO_GROUP: &str = "Diese Gruppe gibt es nicht mehr. Bitte wählen Sie eine andere.";

/// What can be chosen beside the file.
#[derive(Default)]
pub struct UploadForm {
    /// The number of an existing group, as it came.
    pub group: String,
    /// The name of a group to be made.
    pub new_group: String,
}

/// The page with the form, and the imports there were.
#[derive(Template)]
#[template(path = "imports/new.html")]
pub struct UploadPage {
    page: Page,
    form: UploadForm,
    groups: Vec<Group>,
    errors: FormErrors,
    imports: Vec<Import>,
    links: Links,
}

impl UploadPage {
    fn group_options(&self) -> Vec<(i64, &str)> {
        self.groups
            .iter()
            .map(|group| (group.id, group.name.as_str()))
            .collect()
    }
}

/// The page with the form and the list of imports.
pub async fn form_page(
    signed_in: &SignedIn,
    state: &State,
    form: UploadForm,
    errors: FormErrors,
    position: Position,
) -> Result<UploadPage, WebError> {
    let account_id = signed_in.account_id();
    let (groups, imports) = state
        .read(move |conn| {
            Ok((
                groups::all(conn, account_id)?,
                imports::list(conn, account_id, position, PAGE_SIZE)?,
            ))
        })
        .await?;
    Ok(UploadPage {
        page: Page::new(signed_in, Section::Recipients, "Empfänger importieren"),
        form,
        groups,
        errors,
        links: Links::new(&imports, |import| import.id, "/empfaenger/import", &[]),
        imports: imports.rows,
    })
}

/// What came with the form.
#[derive(Default)]
struct Received {
    form: UploadForm,
    file_name: String,
    file: Option<(Upload, File)>,
    size: u64,
}

/// POST `/empfaenger/import`
pub async fn create(
    signed_in: SignedIn,
    state: web::Data<State>,
    request: HttpRequest,
    payload: web::Payload,
) -> WebResult {
    let mut received = receive(&state, parts::of(&request, payload)?).await?;
    let file = received.file.take();
    let made = match (file, problem(&received)) {
        (_, Some(errors)) => Err(errors),
        (None, None) => Err(FormErrors::one("datei", NO_FILE)),
        (Some(file), None) => make(&signed_in, &state, &received, file).await?,
    };
    match made {
        Ok(import_id) => see_other(format!("/empfaenger/import/{import_id}")),
        Err(errors) => {
            let form = received.form;
            let position = Position::First;
            invalid(&form_page(&signed_in, &state, form, errors, position).await?)
        }
    }
}

/// What is wrong with the form, as far as it can be seen without the database.
fn problem(received: &Received) -> Option<FormErrors> {
    let mut errors = FormErrors::new();
    if received.size == 0 {
        errors.add("datei", NO_FILE);
    } else if received.size > MOST_BYTES {
        errors.add("datei", TOO_LARGE);
    }
    let new_group = &received.form.new_group;
    if !new_group.trim().is_empty()
        && let Some(problem) = name_problem(new_group)
    {
        errors.add("neue-gruppe", problem);
    }
    (!errors.is_empty()).then_some(errors)
}

/// Notes the import of a received file, and gives its number, or what is wrong.
async fn make(
    signed_in: &SignedIn,
    state: &web::Data<State>,
    received: &Received,
    (upload, mut file): (Upload, File),
) -> Result<Result<i64, FormErrors>, WebError> {
    let inspected = web::block(move || inspect(&mut file, SAMPLE_ROWS)).await?;
    let found = match inspected.map_err(|error| match error {
        ReadError::Io(error) => Err(WebError::from(error)),
        other => Ok(other.to_string()),
    }) {
        Ok(found) if is_empty(&found) => {
            let problem = "In der Datei stehen keine Empfänger.";
            return Ok(Err(FormErrors::one("datei", problem)));
        }
        Ok(found) if found.mapping.columns.len() > MAX_COLUMNS => {
            let problem = MappingProblem::TooMany(found.mapping.columns.len());
            return Ok(Err(FormErrors::one("datei", problem.to_string())));
        }
        Ok(found) => found,
        Err(problem) => return Ok(Err(FormErrors::one("datei", problem?))),
    };
    let settings = Settings {
        dialect: found.dialect,
        mapping: found.mapping,
        consent: None,
        everybody: None,
        modified_at: None,
    };
    let (account_id, user_id) = (signed_in.account_id(), signed_in.user.id);
    let (group, new_group) = (received.form.group.clone(), received.form.new_group.clone());
    let (file_name, size) = (received.file_name.clone(), received.size);
    let made = state
        .write(move |conn| {
            let Ok(group_id) = group_of(conn, account_id, &group, &new_group)? else {
                return Ok(None);
            };
            let new = NewImport {
                user_id: Some(user_id),
                group_id,
                file_name: &file_name,
                size: i64::try_from(size).unwrap_or(i64::MAX),
                settings: &settings.to_json(),
                status: ImportStatus::Uploaded,
            };
            imports::create(conn, account_id, &new, Timestamp::now()).map(Some)
        })
        .await?;
    let Some(import_id) = made else {
        return Ok(Err(FormErrors::one("gruppe", NO_GROUP)));
    };
    // If this fails, the import waits without its file until the housekeeping gives it up.
    state
        .imports
        .uploads
        .keep(upload, import_id)
        .map_err(WebError::from)?;
    Ok(Ok(import_id))
}

/// The group to join, made where it is new; none where the chosen one is gone.
fn group_of(
    conn: &mut Conn,
    account_id: i64,
    chosen: &str,
    new: &str,
) -> DbResult<Result<Option<i64>, Gone>> {
    if !new.trim().is_empty() {
        let group_id = match groups::find_by_name(conn, account_id, new)? {
            Some(group) => group.id,
            None => groups::create(conn, account_id, new, Timestamp::now())?,
        };
        return Ok(Ok(Some(group_id)));
    }
    if chosen.is_empty() {
        return Ok(Ok(None));
    }
    let all = groups::all(conn, account_id)?;
    let group = all.iter().find(|group| group.id.to_string() == chosen);
    Ok(group.map(|group| Some(group.id)).ok_or(Gone))
}

/// The chosen group is not there any more.
struct Gone;

fn is_empty(found: &Inspection) -> bool {
    found.preview.rows.is_empty()
}

/// Takes in what the browser sends. A file that is too large is not read to its end.
async fn receive(state: &web::Data<State>, mut payload: Multipart) -> Result<Received, WebError> {
    let mut received = Received::default();
    while let Some(mut field) = payload.try_next().await.map_err(|e| parts::broken(&e))? {
        match field.name().unwrap_or_default() {
            "gruppe" => {
                received.form.group = parts::text(&mut field, MOST_TEXT)
                    .await?
                    .unwrap_or_default();
            }
            "neue-gruppe" => {
                received.form.new_group = parts::text(&mut field, MOST_TEXT)
                    .await?
                    .unwrap_or_default();
            }
            "datei" if received.file.is_none() => {
                received.file_name = file_name(&field);
                let (upload, file) = state.imports.uploads.receive().map_err(WebError::from)?;
                let (file, size) = parts::store(&mut field, file, MOST_BYTES).await?;
                received.file = Some((upload, file));
                received.size = size;
                if size > MOST_BYTES {
                    break;
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

/// The file's name without a path, at most 200 characters.
fn file_name(field: &Field) -> String {
    let sent = field
        .content_disposition()
        .and_then(|disposition| disposition.get_filename())
        .unwrap_or_default();
    let name = sent.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
    if name.trim().is_empty() {
        "Datei ohne Namen".to_owned()
    } else {
        name
    }
}
