//! *Mit Beispieldaten starten*: the example account, made from *Ersteinrichtung*, and how far it
//! is filled.

use actix_web::http::header::ContentType;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use crate::db::models::accounts;
use crate::demo::{self, Kit, Progress};
use crate::domain::time::Timestamp;
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, page, see_other};
use crate::web::session::{self, current::CurrentSession};
use crate::web::setup;
use crate::web::state::State;

#[derive(Template)]
#[template(path = "setup/demo.html")]
struct DemoPage {
    page: Page,
    email: &'static str,
    password: String,
    progress: Progress,
    ended: Option<bool>,
}

#[derive(Template)]
#[template(path = "setup/demo_progress.html")]
struct ProgressPart {
    progress: Progress,
}

/// POST `/einrichtung/{key}/beispiel`
pub async fn create(
    request: HttpRequest,
    session: CurrentSession,
    state: web::Data<State>,
    key: web::Path<String>,
) -> WebResult {
    setup::check_key(&state, &key)?;
    let password = demo::new_password().map_err(|e| WebError::Internal(e.to_string()))?;
    let hash = state.passwords.hash(password.clone()).await?;
    let made = state
        .write(move |conn| {
            // Two people may have the link: only the first one sets up.
            if accounts::any(conn)? {
                return Ok(None);
            }
            demo::create(conn, &hash, Timestamp::now()).map(Some)
        })
        .await?;
    state.setup_key.lock().take();
    let Some(made) = made else {
        return Err(WebError::NotFound);
    };
    let user_id = made.user_id;
    state
        .demo
        .start(kit(&state), state.sender.clone(), made, password)
        .map_err(|e| WebError::Internal(e.to_string()))?;
    session::start_session(&request, &session, &state, user_id, "/beispielkonto").await
}

/// GET `/beispielkonto`: how far it is, and the password, which is kept nowhere else.
pub async fn show(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let Some(example) = state.demo.stage(signed_in.user.id) else {
        return see_other("/");
    };
    page(&DemoPage {
        page: Page::new(&signed_in, Section::None, "Ihr Beispielkonto"),
        email: demo::EMAIL,
        password: example.password,
        progress: example.progress,
        ended: example.ended,
    })
}

/// GET `/beispielkonto/stand`: the inside of the page's progress, for its script.
pub async fn progress(signed_in: SignedIn, state: web::Data<State>) -> WebResult {
    let Some(example) = state.demo.stage(signed_in.user.id) else {
        return Err(WebError::NotFound);
    };
    let mut answer = HttpResponse::Ok();
    answer.content_type(ContentType::html());
    if example.ended.is_some() {
        answer.insert_header(("X-Fertig", "ja"));
    }
    let part = ProgressPart {
        progress: example.progress,
    };
    Ok(answer.body(part.render()?))
}

fn kit(state: &State) -> Kit {
    Kit {
        db: state.db.clone(),
        links: state.links.clone(),
        tokens: state.tokens.clone(),
        public_url: state.public_url.clone(),
        outbox: state.outbox.clone(),
        remembering: state.remembering.clone(),
        cleaner: state.cleaner.clone(),
    }
}
