//! What a monitoring system may ask, on a listener of its own: whether this node can work
//! (`/healthz`), and how much it does (`/metrics`, in Prometheus' text format). No number here is
//! about a person or an account, and no label holds a path, an address or a token (rule P8).

mod requests;

use actix_web::http::header::ContentType;
use actix_web::{HttpResponse, web};
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

use crate::db::models::workload::{self, Mailings, Work};
use crate::jobs::worker::Worker;
use crate::web::error::WebError;
use crate::web::respond::WebResult;
use crate::web::state::State;

pub use requests::Requests;

/// GET `/healthz`: whether the database answers, hits are stored, and all background work is at work.
pub async fn health(state: web::Data<State>) -> HttpResponse {
    let problem = match state.read(workload::background).await {
        Ok(_) if !state.recorder.is_alive() => Some("no thread stores hits\n".to_owned()),
        Ok(_) => idle_workers(&state),
        Err(error) => {
            tracing::debug!(%error, "not healthy");
            Some("the database is away\n".to_owned())
        }
    };
    let mut answer = match problem {
        None => HttpResponse::Ok(),
        Some(_) => HttpResponse::ServiceUnavailable(),
    };
    let text = problem.unwrap_or_else(|| "ok\n".to_owned());
    answer.content_type(ContentType::plaintext()).body(text)
}

/// The threads that do not do what they are there for.
fn idle_workers(state: &State) -> Option<String> {
    let workers = state.workers.lock();
    let idle = workers.iter().filter(|worker| !worker.is_at_work());
    let names: Vec<_> = idle.map(Worker::name).collect();
    (!names.is_empty()).then(|| format!("not at work: {}\n", names.join(", ")))
}

/// GET `/metrics`
pub async fn show(state: web::Data<State>) -> WebResult {
    let (mailings, background, failing) = state
        .read(|conn| {
            let mailings = workload::mailings(conn)?;
            let background = workload::background(conn)?;
            Ok((mailings, background, workload::failing_jobs(conn)?))
        })
        .await?;
    let text = written(&state, &mailings, &background, &failing)
        .map_err(|error| WebError::Internal(error.to_string()))?;
    Ok(HttpResponse::Ok()
        .content_type(prometheus::TEXT_FORMAT)
        .body(text))
}

fn written(
    state: &State,
    mailings: &[Mailings],
    background: &[Work],
    failing_jobs: &[Work],
) -> Result<String, prometheus::Error> {
    let registry = Registry::new();
    if let Some(requests) = state.requests.counter() {
        registry.register(Box::new(requests.clone()))?;
    }
    let recorder = &state.recorder;
    let counts = [
        (
            "hits_stored_total",
            "Opens and clicks stored.",
            recorder.stored(),
        ),
        (
            "hits_unconfirmed_total",
            "Opens and clicks answered without being known to be stored.",
            recorder.unconfirmed(),
        ),
        (
            "hit_batches_total",
            "Transactions that stored hits.",
            recorder.batches(),
        ),
        (
            "recorder_panics_total",
            "Panics while hits were stored.",
            recorder.panics(),
        ),
    ];
    for (name, help, value) in counts {
        let counter = IntCounter::new(format!("widerspruch_{name}"), help)?;
        counter.inc_by(value);
        registry.register(Box::new(counter))?;
    }
    let waiting = IntGauge::new("widerspruch_hits_waiting", "Opens and clicks in the queue.")?;
    waiting.set(i64::try_from(recorder.waiting()).unwrap_or(i64::MAX));
    registry.register(Box::new(waiting))?;

    let by_status = gauge(&registry, "mailings", "Mailings by status.", "status")?;
    let by_outcome = gauge(
        &registry,
        "mails",
        "Mails by what became of them.",
        "outcome",
    )?;
    let back = gauge(
        &registry,
        "mails_returned",
        "Mails that came back, by kind.",
        "kind",
    )?;
    for of in mailings {
        by_status.with_label_values(&[&of.status]).set(of.n);
        for (outcome, n) in [
            ("handed", of.handed),
            ("failed", of.failed),
            ("uncertain", of.uncertain),
            ("cancelled", of.cancelled),
            ("open", of.open()),
        ] {
            by_outcome.with_label_values(&[outcome]).add(n);
        }
        for (kind, n) in [
            ("permanent", of.bounces),
            ("temporary", of.soft_bounces),
            ("complaint", of.complaints),
        ] {
            back.with_label_values(&[kind]).add(n);
        }
    }
    let work = gauge(
        &registry,
        "background",
        "Work that waits or runs, by kind.",
        "kind",
    )?;
    for of in background {
        work.with_label_values(&[&of.kind]).set(of.n);
    }
    let failing = gauge(
        &registry,
        "jobs_failing",
        "Queued jobs whose last attempt failed, by kind.",
        "kind",
    )?;
    for of in failing_jobs {
        failing.with_label_values(&[&of.kind]).set(of.n);
    }
    register_workers(&registry, &state.workers.lock())?;
    TextEncoder::new().encode_to_string(&registry.gather())
}

/// What the threads of background work say of themselves.
fn register_workers(registry: &Registry, workers: &[Worker]) -> Result<(), prometheus::Error> {
    let panics = IntCounterVec::new(
        Opts::new(
            "widerspruch_worker_panics_total",
            "Rounds of background work that panicked.",
        ),
        &["worker"],
    )?;
    registry.register(Box::new(panics.clone()))?;
    let failures = gauge(
        registry,
        "worker_failures_in_a_row",
        "Rounds of background work that failed in a row, up to now.",
        "worker",
    )?;
    for worker in workers {
        let label = [worker.name()];
        panics.with_label_values(&label).inc_by(worker.panics());
        let in_a_row = i64::from(worker.failures_in_a_row());
        failures.with_label_values(&label).set(in_a_row);
    }
    Ok(())
}

/// A registered gauge with one label.
fn gauge(
    registry: &Registry,
    name: &str,
    help: &str,
    label: &str,
) -> Result<IntGaugeVec, prometheus::Error> {
    let gauge = IntGaugeVec::new(Opts::new(format!("widerspruch_{name}"), help), &[label])?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
}
