//! Checking how a file is read: encoding, delimiter, header, and what each column is.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;

use actix_web::web;
use askama::Template;
use serde_json::{Map, Value};

use super::load;
use crate::db::models::groups;
use crate::db::models::imports::{self, Import, ImportStatus};
use crate::db::models::recipients;
use crate::domain::time::Timestamp;
use crate::import::columns::{RESERVED_FIELD_NAMES, field_name};
use crate::import::evidence::{ConsentEvidence, Part};
use crate::import::forecast::{Forecast, forecast};
use crate::import::run::Settings;
use crate::import::status::StatedStatus;
use crate::import::{Column, ColumnMapping, Delimiter, Dialect, Encoding, Preview, ReadError};
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::fields::Fields;
use crate::web::filters;
use crate::web::forms::FormErrors;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, invalid, page, see_other};
use crate::web::state::State;

/// How many rows are shown of each column.
const SHOWN_ROWS: usize = 3;

/// How many rows with characters beyond ASCII are shown.
const SHOWN_BEYOND_ASCII: usize = 5;

/// How many rows are looked at to recognise the columns.
const SAMPLE_ROWS: usize = 100;

/// How many columns a page shows.
const COLUMNS_ON_PAGE: usize = 100;

/// How many free fields that exist are offered for a column, besides the one of its name.
const OFFERED_FIELDS: usize = 60;

/// Among how many recipients it looks for the names of free fields.
const FIELDS_OF: i64 = 200;

#[derive(Template)]
#[template(path = "imports/mapping.html")]
struct MappingPage {
    page: Page,
    import: Import,
    group_name: Option<String>,
    dialect: Dialect,
    /// Rows with umlauts and other characters beyond ASCII.
    beyond_ascii: Vec<String>,
    columns: Vec<ShownColumn>,
    /// The first of them, from 0.
    first_column: usize,
    /// How many the file has.
    column_count: usize,
    has_address: bool,
    consent: ConsentEvidence,
    everybody: Option<StatedStatus>,
    /// None while the file can't be imported as it is.
    forecast: Option<Forecast>,
    errors: FormErrors,
}

/// A column of the file as the page shows it.
struct ShownColumn {
    /// Its number, from 1.
    number: usize,
    /// Its name in the file.
    title: String,
    /// What stands in its first rows.
    examples: Vec<String>,
    /// What it can be: word, text, whether it is that.
    options: Vec<(String, String, bool)>,
}

impl MappingPage {
    /// How many columns lie before the end of this page.
    const fn shown_until(&self) -> usize {
        self.first_column + self.columns.len()
    }

    /// Whether there is something to see about consents.
    fn shows_consent(&self) -> bool {
        let parts = [Part::Wording, Part::How, Part::Day];
        !self.consent.is_empty()
            || parts
                .iter()
                .any(|part| self.errors.get(field_of(*part)).is_some())
    }

    /// What everybody in the file can be called, whatever its columns say.
    #[allow(clippy::unused_self, reason = "templates reach it through the page")]
    fn everybody_options(&self) -> [(&'static str, &'static str); 4] {
        [
            StatedStatus::Unsubscribed,
            StatedStatus::Undeliverable,
            StatedStatus::Complained,
            StatedStatus::Unconfirmed,
        ]
        .map(|status| (status.as_str(), status.label()))
    }

    fn chosen_for_everybody(&self) -> &'static str {
        self.everybody.map_or("", StatedStatus::as_str)
    }

    #[allow(clippy::unused_self, reason = "templates reach it through the page")]
    fn encoding_options(&self) -> Vec<(&'static str, &'static str)> {
        let option = |choice: &Encoding| (choice.word(), choice.label());
        Encoding::ALL.iter().map(option).collect()
    }

    #[allow(clippy::unused_self, reason = "templates reach it through the page")]
    fn delimiter_options(&self) -> Vec<(&'static str, &'static str)> {
        let option = |choice: &Delimiter| (choice.word(), choice.label());
        Delimiter::ALL.iter().map(option).collect()
    }
}

/// The page on which the columns of an uploaded file are checked.
pub async fn edit(
    signed_in: &SignedIn,
    state: &web::Data<State>,
    import: Import,
    first_column: usize,
) -> WebResult {
    let settings = Settings::from_json(&import.settings)?;
    let errors = FormErrors::new();
    page(&mapping_page(signed_in, state, import, settings, first_column, errors).await?)
}

/// POST `/empfaenger/import/{id}`: shows the file read in another way, or starts the import.
pub async fn update(
    signed_in: SignedIn,
    state: web::Data<State>,
    id: web::Path<i64>,
    form: web::Form<Fields>,
) -> WebResult {
    let import = load(&signed_in, &state, *id).await?;
    let (account_id, import_id) = (signed_in.account_id(), import.id);
    let path = format!("/empfaenger/import/{import_id}");
    if import.status != ImportStatus::Uploaded {
        // Started already, perhaps by a second click.
        return see_other(path);
    }
    let mut settings = Settings::from_json(&import.settings)?;
    let dialect = dialect_of(&form, settings.dialect).unwrap_or(settings.dialect);
    let rereads = dialect != settings.dialect;
    if rereads {
        settings.dialect = dialect;
        let preview = read(&state, import_id, dialect, SAMPLE_ROWS).await?;
        settings.mapping = preview.guess_mapping();
    } else {
        settings.mapping = mapping_of(&form, &settings.mapping);
    }
    let action = form.text("aktion");
    let starts = action == "start";
    let first_column = first_column(&form);
    let other_columns = match action {
        "weitere-spalten" => Some(first_column + COLUMNS_ON_PAGE),
        "vorige-spalten" => Some(first_column.saturating_sub(COLUMNS_ON_PAGE)),
        _ => None,
    };
    settings.consent = consent_of(&form);
    let everybody = form.text("status-alle").parse().ok();
    settings.everybody = everybody.filter(|said| *said > StatedStatus::Active);
    let mut errors = FormErrors::new();
    if let Err(problem) = settings.mapping.validate() {
        errors.add("spalten", problem.to_string());
    }
    check_consent(&mut settings, &mut errors);
    let may_start = starts && !rereads && errors.is_empty();
    let kept = settings.to_json();
    let work = state.imports.clone();
    let started = state
        .write(move |conn| {
            imports::configure(conn, account_id, import_id, &kept)?;
            if may_start {
                work.queue(conn, account_id, import_id)
            } else {
                Ok(false)
            }
        })
        .await?;
    if started {
        state.imports.wake();
    }
    if starts && !rereads && !errors.is_empty() {
        let page = mapping_page(&signed_in, &state, import, settings, first_column, errors);
        invalid(&page.await?)
    } else if rereads {
        see_other(format!("{path}?meldung=import-vorschau"))
    } else if let Some(first) = other_columns {
        see_other(format!("{path}?ab-spalte={}#spalten", first + 1))
    } else {
        see_other(path)
    }
}

/// What was typed about consents; none where nothing was.
fn consent_of(form: &Fields) -> Option<ConsentEvidence> {
    let evidence = ConsentEvidence::new(
        form.has("einwilligung-alle"),
        form.text("einwilligung-wortlaut"),
        form.text("einwilligung-wie"),
        form.text("einwilligung-am"),
    );
    (!evidence.is_empty()).then_some(evidence)
}

/// Consents have to be proven; what was typed without any consent in the file is left out at the
/// start.
fn check_consent(settings: &mut Settings, errors: &mut FormErrors) {
    let by_column = settings.mapping.position(&Column::Consent).is_some();
    let evidence = settings.consent.clone().unwrap_or_default();
    if !by_column && !evidence.everybody {
        settings.consent = None;
        return;
    }
    for (part, problem) in evidence.problems(Timestamp::now()) {
        errors.add(field_of(part), problem);
    }
}

const fn field_of(part: Part) -> &'static str {
    match part {
        Part::Wording => "einwilligung-wortlaut",
        Part::How => "einwilligung-wie",
        Part::Day => "einwilligung-am",
    }
}

fn dialect_of(form: &Fields, before: Dialect) -> Option<Dialect> {
    let skip_lines = match form.text("zeilen-davor").trim() {
        "" if form.has("zeilen-davor") => 0,
        number => number.parse().unwrap_or(before.skip_lines),
    };
    Some(Dialect {
        encoding: Encoding::from_word(form.text("kodierung"))?,
        delimiter: Delimiter::from_word(form.text("trennzeichen"))?,
        has_header: form.has("kopfzeile"),
        skip_lines,
    })
}

/// The first column on the page that was sent, from 0.
fn first_column(form: &Fields) -> usize {
    let number: usize = form.text("ab-spalte").parse().unwrap_or(1);
    number.saturating_sub(1)
}

/// The chosen meaning of each column; where a choice is missing or unknown, it stays as it was.
fn mapping_of(form: &Fields, before: &ColumnMapping) -> ColumnMapping {
    let mut mapping = before.clone();
    let shown = mapping.columns.iter_mut().skip(first_column(form));
    let shown: Vec<&mut Column> = shown.take(COLUMNS_ON_PAGE).collect();
    let chosen: Vec<Option<Column>> = form.all("spalte").map(|word| word.parse().ok()).collect();
    // Of another page than the one that was shown: then nobody knows which column is meant.
    if chosen.len() == shown.len() {
        for (column, chosen) in shown.into_iter().zip(chosen) {
            if let Some(chosen) = chosen {
                *column = chosen;
            }
        }
    }
    mapping
}

async fn read(
    state: &web::Data<State>,
    import_id: i64,
    dialect: Dialect,
    rows: usize,
) -> Result<Preview, WebError> {
    let with_file = move |file| crate::import::preview(file, dialect, rows);
    read_file(state, import_id, with_file).await
}

async fn beyond_ascii(
    state: &web::Data<State>,
    import_id: i64,
    dialect: Dialect,
) -> Result<Vec<String>, WebError> {
    let with_file = move |file| crate::import::beyond_ascii(file, dialect, SHOWN_BEYOND_ASCII);
    read_file(state, import_id, with_file).await
}

async fn read_file<T: Send + 'static>(
    state: &web::Data<State>,
    import_id: i64,
    with_file: impl FnOnce(File) -> Result<T, ReadError> + Send + 'static,
) -> Result<T, WebError> {
    let path = state.imports.uploads.path(import_id);
    let found = web::block(move || with_file(File::open(path).map_err(ReadError::from)?)).await?;
    found.map_err(|_| {
        WebError::Conflict(
            "Die hochgeladene Datei kann nicht gelesen werden. Bitte laden Sie sie noch einmal hoch.",
        )
    })
}

/// How many rows would become what; none where nothing can be imported as it is.
async fn count(
    state: &web::Data<State>,
    import_id: i64,
    settings: &Settings,
) -> Result<Option<Forecast>, WebError> {
    let path = state.imports.uploads.path(import_id);
    let settings = settings.clone();
    let counted = web::block(move || {
        let file = File::open(path).map_err(ReadError::from)?;
        forecast(BufReader::new(file), &settings)
    })
    .await?;
    Ok(counted.ok())
}

async fn mapping_page(
    signed_in: &SignedIn,
    state: &web::Data<State>,
    import: Import,
    settings: Settings,
    first_column: usize,
    errors: FormErrors,
) -> Result<MappingPage, WebError> {
    let column_count = settings.mapping.columns.len();
    let first_column = first_column / COLUMNS_ON_PAGE * COLUMNS_ON_PAGE;
    let first_column = if first_column < column_count {
        first_column
    } else {
        0
    };
    let preview = read(state, import.id, settings.dialect, SHOWN_ROWS).await?;
    let beyond_ascii = beyond_ascii(state, import.id, settings.dialect).await?;
    let forecast = count(state, import.id, &settings).await?;
    let (account_id, group_id) = (signed_in.account_id(), import.group_id);
    let (group_name, known) = state
        .read(move |conn| {
            let group = group_id
                .map(|id| groups::find(conn, account_id, id))
                .transpose()?;
            let fields = recipients::newest_fields(conn, account_id, FIELDS_OF)?;
            Ok((group.map(|group| group.name), fields))
        })
        .await?;
    let known: BTreeSet<String> = known
        .iter()
        .filter_map(|fields| serde_json::from_str::<Map<String, Value>>(fields).ok())
        .flat_map(|fields| fields.into_iter().map(|(name, _)| name))
        // The same field may have been written in several ways.
        .filter_map(|name| field_name(&name))
        .collect();
    let known = known.into_iter().take(OFFERED_FIELDS).collect();
    Ok(MappingPage {
        page: Page::new(signed_in, Section::Recipients, "Spalten zuordnen"),
        import,
        group_name,
        dialect: settings.dialect,
        has_address: settings.mapping.position(&Column::Address).is_some(),
        consent: settings.consent.clone().unwrap_or_default(),
        everybody: settings.everybody,
        forecast,
        beyond_ascii,
        columns: shown_columns(&preview, &settings.mapping, first_column, &known),
        first_column,
        column_count,
        errors,
    })
}

fn shown_columns(
    preview: &Preview,
    mapping: &ColumnMapping,
    first: usize,
    known: &BTreeSet<String>,
) -> Vec<ShownColumn> {
    mapping
        .columns
        .iter()
        .enumerate()
        .skip(first)
        .take(COLUMNS_ON_PAGE)
        .map(|(at, chosen)| {
            let name = preview.header.as_ref().and_then(|names| names.get(at));
            let title = name
                .map(|name| name.trim().to_owned())
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| format!("Spalte {}", at + 1));
            let examples = preview.rows.iter().filter_map(|row| row.get(at));
            ShownColumn {
                number: at + 1,
                examples: examples
                    .filter(|cell| !cell.trim().is_empty())
                    .cloned()
                    .collect(),
                options: options(&title, chosen, known),
                title,
            }
        })
        .collect()
}

/// What a column can be: the fixed meanings, a free field of its own name, and those there are.
fn options(title: &str, chosen: &Column, known: &BTreeSet<String>) -> Vec<(String, String, bool)> {
    let mut fields: BTreeSet<String> = known.clone();
    fields.extend(field_name(title));
    if let Column::Field(name) = chosen {
        fields.insert(name.clone());
    }
    fields.retain(|name| !RESERVED_FIELD_NAMES.contains(&name.as_str()));
    [
        Column::Address,
        Column::FirstName,
        Column::LastName,
        Column::TrackingOff,
        Column::Consent,
        Column::ConsentDay,
        Column::Status,
        Column::Subscribed,
        Column::Confirmed,
        Column::Unsubscribed,
        Column::Undeliverable,
        Column::Ignore,
    ]
    .into_iter()
    .chain(fields.into_iter().map(Column::Field))
    .map(|column| {
        let text = match &column {
            Column::Field(name) => format!("Feld „{name}“"),
            Column::Status => "Status (aktiv, abgemeldet …)".to_owned(),
            Column::Subscribed | Column::Confirmed => format!("{} (ja/nein)", column.label()),
            Column::Unsubscribed | Column::Undeliverable => {
                format!("{} (ja, Tag oder Grund)", column.label())
            }
            other => other.label().to_owned(),
        };
        let is_chosen = column == *chosen;
        (column.to_string(), text, is_chosen)
    })
    .collect()
}
