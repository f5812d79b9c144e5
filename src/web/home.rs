//! `/`: on to where the work is.

use crate::domain::role::Role;
use crate::web::access::SignedIn;
use crate::web::respond::{WebResult, see_other};

/// GET `/`
pub async fn show(signed_in: SignedIn) -> WebResult {
    let roles = signed_in.user.roles();
    see_other(if roles.allow(Role::Recipients) {
        "/empfaenger"
    } else if roles.allow(Role::Reports) {
        "/analysen"
    } else if roles.allow(Role::Mailings) || roles.allow(Role::Sending) {
        "/e-mailings"
    } else {
        "/benutzerkonto"
    })
}
