//! How many requests were answered, by route and status.

use actix_web::http::{Method, StatusCode};
use prometheus::{IntCounterVec, Opts};

/// Counts, if anybody is to see it: without a listener for metrics nothing is counted.
#[derive(Debug, Clone)]
pub struct Requests(Option<IntCounterVec>);

impl Requests {
    /// Nothing counted yet.
    ///
    /// # Errors
    /// Never, as long as the names of the labels are well formed.
    pub fn new(wanted: bool) -> Result<Self, prometheus::Error> {
        let name = Opts::new(
            "widerspruch_requests_total",
            "Requests answered, by method, route and status.",
        );
        let counter = wanted.then(|| IntCounterVec::new(name, &["method", "route", "status"]));
        Ok(Self(counter.transpose()?))
    }

    /// Counts one. The route is asked for only when somebody counts; it is the pattern, since
    /// tokens stand in paths (rule P8). What anybody can make up, methods and addresses that don't
    /// exist, is one label, so that strangers can't make the list grow.
    pub fn count(
        &self,
        method: &Method,
        route: impl FnOnce() -> Option<String>,
        status: StatusCode,
    ) {
        let Some(counter) = &self.0 else { return };
        let method = match *method {
            Method::GET => "GET",
            Method::HEAD => "HEAD",
            Method::POST => "POST",
            Method::PUT => "PUT",
            Method::PATCH => "PATCH",
            Method::DELETE => "DELETE",
            _ => "other",
        };
        let route = route();
        let route = route.as_deref().unwrap_or("none");
        counter
            .with_label_values(&[method, route, status.as_str()])
            .inc();
    }

    pub(super) const fn counter(&self) -> Option<&IntCounterVec> {
        self.0.as_ref()
    }
}
