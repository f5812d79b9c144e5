//! Requests with HEAD: answered as GET is, without the body (RFC 9110, section 9.3.2), on every
//! route, and without changing anything (section 9.2.1): what [`super::state::State::write`] wrote
//! for such a request is taken back, and no hit is recorded.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::Error;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use actix_web::web::Bytes;

tokio::task_local! {
    /// Set while a request for headers is answered.
    static ONLY_HEADERS: ();
}

/// The layer that lets the routes of GET answer HEAD.
pub async fn as_get(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if *request.method() != Method::HEAD {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    request.head_mut().method = Method::GET;
    let response = ONLY_HEADERS.scope((), next.call(request)).await?;
    Ok(response.map_body(|_, body| BoxBody::new(Unsent(body.size()))))
}

/// Whether the request that is answered here asks for headers alone.
pub fn is_all_that_is_wanted() -> bool {
    ONLY_HEADERS.try_with(|()| ()).is_ok()
}

/// The place of a body that is not sent: the headers tell its size, and what would have made it
/// goes no further.
struct Unsent(BodySize);

impl MessageBody for Unsent {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        self.0
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Poll::Ready(None)
    }
}
