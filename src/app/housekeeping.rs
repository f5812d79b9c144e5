//! Small regular work: what has run out, or is kept no longer, goes.

use std::time::Duration;

use actix_web::web;

use crate::backup::copy;
use crate::db::models::{
    api_requests, audit_list, invitations, password_resets, sessions, sign_ins, signups,
    webhook_deliveries,
};
use crate::domain::time::Timestamp;
use crate::erasure::{list, retention};
use crate::import::background;
use crate::people::{invite, reset};
use crate::sending::outbox;
use crate::web::error::WebError;
use crate::web::state::State;
use crate::webhooks;

/// Small regular work: removes what has run out or is kept no longer.
pub(super) async fn keep_house(state: State) {
    let mut hourly = tokio::time::interval(Duration::from_hours(1));
    loop {
        hourly.tick().await;
        if let Err(error) = state
            .write(|conn| sessions::remove_expired(conn, Timestamp::now()))
            .await
        {
            tracing::warn!(%error, "expired sessions could not be removed");
        }
        tidy_links(&state).await;
        tidy_requests(&state).await;
        tidy_webhooks(&state).await;
        tidy_signups(&state).await;
        tidy_outbox(&state).await;
        tidy_imports(&state).await;
        tidy_audit_log(&state).await;
        tidy_backups(&state).await;
        tidy_deletion_lists(&state).await;
        take_over_cleaning(&state).await;
        start_retention(&state).await;
    }
}

/// Lets entries of the audit log go after their time, in small steps.
async fn tidy_audit_log(state: &State) {
    loop {
        let pruned = state
            .write(|conn| audit_list::prune(conn, Timestamp::now(), 500))
            .await;
        match pruned {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "old entries of the audit log could not be removed");
                return;
            }
        }
    }
}

/// Forgets copies of the database whose time is over.
async fn tidy_backups(state: &State) {
    let db = state.db.clone();
    let tidied = web::block(move || copy::forget_expired(&db, Timestamp::now())).await;
    if !matches!(tidied, Ok(Ok(()))) {
        tracing::warn!("copies of the database whose time is over could not be removed");
    }
}

/// Gives up deletions by list that nobody confirmed.
async fn tidy_deletion_lists(state: &State) {
    let db = state.db.clone();
    let tidied = web::block(move || list::give_up_old(&db, Timestamp::now())).await;
    if !matches!(tidied, Ok(Ok(()))) {
        tracing::warn!("deletions by list that nobody confirmed could not be given up");
    }
}

/// Cleans up after deletions of nodes that are gone.
async fn take_over_cleaning(state: &State) {
    let (db, cleaner) = (state.db.clone(), state.cleaner.clone());
    let taken = web::block(move || cleaner.take_over(&db, Timestamp::now())).await;
    if !matches!(taken, Ok(Ok(()))) {
        tracing::warn!("the cleaning of other nodes could not be looked up");
    }
}

/// Lets go of tracking data that is older than its account keeps it.
async fn start_retention(state: &State) {
    let (db, past) = (state.db.clone(), state.past.clone());
    let started = web::block(move || retention::start_due(&db, &past, Timestamp::now())).await;
    if !matches!(started, Ok(Ok(()))) {
        tracing::warn!("old tracking data could not be looked up");
    }
}

/// Forgets what imports leave, after its time.
async fn tidy_imports(state: &State) {
    let (db, uploads) = (state.db.clone(), state.imports.uploads.clone());
    let tidied = web::block(move || background::tidy(&db, &uploads)).await;
    if !matches!(tidied, Ok(Ok(()))) {
        tracing::warn!("the imports could not be tidied");
    }
}

/// Forgets invitations and links to new passwords that hold no longer.
async fn tidy_links(state: &State) {
    let removed = state
        .write(|conn| {
            let now = Timestamp::now();
            sign_ins::remove_expired(conn, now)?;
            invitations::remove_expired(conn, now.plus_days(-invite::SHOWN_DAYS))?;
            password_resets::remove_older(conn, now.plus_days(-reset::REMEMBERED_DAYS))
        })
        .await;
    if let Err(error) = removed {
        tracing::warn!(%error, "old links of users could not be removed");
    }
}

/// Forgets requests of programs that nobody sends again.
async fn tidy_requests(state: &State) {
    let removed = state
        .write(|conn| api_requests::remove_old(conn, Timestamp::now()))
        .await;
    if let Err(error) = removed {
        tracing::warn!(%error, "old requests of programs could not be removed");
    }
}

/// Forgets what webhooks told long ago.
async fn tidy_webhooks(state: &State) {
    let before = webhooks::kept_since(Timestamp::now());
    let removed = state
        .write(move |conn| webhook_deliveries::remove_old(conn, before))
        .await;
    if let Err(error) = removed {
        tracing::warn!(%error, "what webhooks told could not be removed");
    }
}

/// Forgets who signed up and never confirmed it.
async fn tidy_signups(state: &State) {
    let removed = state
        .write(|conn| signups::remove_expired(conn, Timestamp::now()))
        .await;
    let outbox = state.outbox.clone();
    let tidied = match removed {
        Ok(files) => web::block(move || outbox.remove(&files)).await.is_ok(),
        Err(_) => false,
    };
    if !tidied {
        tracing::warn!("unconfirmed sign-ups could not be removed");
    }
}

/// Takes old mails out of the outbox, and files that a crash left behind.
async fn tidy_outbox(state: &State) {
    let before = Timestamp::now().plus_days(-outbox::KEPT_DAYS);
    let removed = state
        .write(move |conn| crate::db::models::outbox::remove_older(conn, before))
        .await;
    let (db, outbox) = (state.db.clone(), state.outbox.clone());
    let swept = web::block(move || {
        outbox.remove(&removed?);
        outbox.sweep(&db)?;
        Ok::<_, WebError>(())
    })
    .await;
    if !matches!(swept, Ok(Ok(()))) {
        tracing::warn!("the outbox could not be tidied");
    }
}
