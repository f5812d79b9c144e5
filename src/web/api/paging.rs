//! Lists in pages: the newest first, each page beginning after the last number of the one before.

use actix_web::HttpResponse;
use actix_web::http::header::LINK;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::ApiResult;
use super::problem::{FieldProblem, Problem};
use crate::db::paging::{Page, Position};

/// How long a page is unless told otherwise.
const USUAL: usize = 50;

/// How long a page can be.
const LONGEST: usize = 200;

/// Which part of a list.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Part {
    /// Begin after the entry with this number.
    #[param(minimum = 1)]
    pub after: Option<i64>,
    /// How many entries at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<usize>,
}

/// A page of a list, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Listed<T> {
    /// The entries.
    pub items: Vec<T>,
    /// The address of the next page; null on the last one. It is in the header `Link` too.
    #[schema(required)]
    pub next: Option<String>,
}

impl Part {
    /// Where the page lies, and how long it is.
    pub fn read(self) -> Result<(Position, usize), Problem> {
        let mut wrong = Vec::new();
        let size = self.limit.unwrap_or(USUAL);
        if size == 0 || size > LONGEST {
            wrong.push(FieldProblem::of_query(
                "limit",
                "Geben Sie eine Zahl von 1 bis 200 an.",
            ));
        }
        if self.after.is_some_and(|after| after < 1) {
            wrong.push(FieldProblem::of_query(
                "after",
                "Geben Sie die Nummer eines Eintrags an.",
            ));
        }
        if !wrong.is_empty() {
            return Err(Problem::Invalid(wrong));
        }
        Ok((self.after.map_or(Position::First, Position::After), size))
    }
}

/// The answer with one page. `kept` are the query parameters that every page shares.
pub fn answer<R, T: Serialize>(
    page: Page<R>,
    number: impl Fn(&R) -> i64,
    body: impl Fn(R) -> T,
    path: &str,
    kept: &[(&str, String)],
) -> ApiResult {
    let next = page.rows.last().filter(|_| page.has_next).map(|last| {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(kept)
            .append_pair("after", &number(last).to_string())
            .finish();
        format!("{path}?{query}")
    });
    let mut answer = HttpResponse::Ok();
    if let Some(next) = &next {
        // RFC 8288.
        answer.insert_header((LINK, format!("<{next}>; rel=\"next\"")));
    }
    Ok(answer.json(Listed {
        items: page.rows.into_iter().map(body).collect(),
        next,
    }))
}
