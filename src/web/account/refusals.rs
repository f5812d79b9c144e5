//! Many refusals alike: recipients of one domain whose mails were refused for the same reason, and
//! *Wieder zustellen* for all of them.

use actix_web::web;
use askama::Template;

use crate::bounces::apply;
use crate::db::models::bounce_reasons::{self, Alike};
use crate::db::{Conn, DbResult};
use crate::domain::bounce::BounceKind;
use crate::domain::time::Timestamp;
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::fields::Fields;
use crate::web::filters;
use crate::web::page::{Page, Section};
use crate::web::respond::{WebResult, page, see_other};
use crate::web::state::State;

/// The page's address.
const HERE: &str = "/benutzerkonto/ruecklaeufer/absagen";

/// Over how many days refusals are looked at together.
pub const DAYS: i64 = 90;

#[derive(Template)]
#[template(path = "account/refusals.html")]
struct RefusalsPage {
    page: Page,
    group: Option<Group>,
}

impl RefusalsPage {
    /// The group, if there is something to take back.
    fn to_take_back(&self) -> Option<&Group> {
        self.group.as_ref().filter(|group| group.given_up() > 0)
    }
}

/// A group of refusals as it is shown.
pub struct Group {
    alike: Alike,
}

impl Group {
    /// The domain as people write it.
    pub fn domain(&self) -> String {
        idna::domain_to_unicode(&self.alike.domain).0
    }

    /// What was refused.
    pub const fn reason(&self) -> &'static str {
        self.alike.reason.label()
    }

    /// How many recipients.
    pub const fn recipients(&self) -> i64 {
        self.alike.recipients
    }

    /// Of these, how many get no mails because of it.
    pub const fn given_up(&self) -> i64 {
        self.alike.given_up
    }

    /// When a mail was refused last, in milliseconds.
    pub const fn last_at(&self) -> i64 {
        self.alike.last_at
    }

    /// Whether it is said of the addresses themselves.
    pub fn is_permanent(&self) -> bool {
        self.alike.reason.kind() == BounceKind::Hard
    }

    /// The word of the reason, as it is sent back.
    pub const fn word(&self) -> &'static str {
        self.alike.reason.as_str()
    }

    /// The domain in ASCII, as it is sent back.
    pub fn ascii_domain(&self) -> &str {
        &self.alike.domain
    }

    /// Where it is taken back.
    pub fn path(&self) -> String {
        format!(
            "{HERE}?grund={}&domain={}",
            self.word(),
            self.ascii_domain()
        )
    }
}

fn since() -> Timestamp {
    Timestamp::now().plus_days(-DAYS)
}

/// All groups of an account.
pub fn groups(conn: &mut Conn, account_id: i64) -> DbResult<Vec<Group>> {
    let all = bounce_reasons::alike(conn, account_id, since())?;
    Ok(all.into_iter().map(|alike| Group { alike }).collect())
}

/// The group that a query or a form names; none once it is too old or too small.
async fn find(state: &State, account_id: i64, which: &Fields) -> Result<Option<Group>, WebError> {
    let all = state.read(move |conn| groups(conn, account_id)).await?;
    Ok(all.into_iter().find(|group| {
        group.word() == which.text("grund") && group.ascii_domain() == which.text("domain")
    }))
}

/// GET `/benutzerkonto/ruecklaeufer/absagen`
pub async fn confirm(
    signed_in: SignedIn,
    state: web::Data<State>,
    which: web::Query<Fields>,
) -> WebResult {
    let group = find(&state, signed_in.account_id(), &which).await?;
    page(&RefusalsPage {
        page: Page::new(&signed_in, Section::Account, "Absagen zurücknehmen"),
        group,
    })
}

/// POST `/benutzerkonto/ruecklaeufer/absagen`: in steps, so that nobody else waits long.
pub async fn destroy(
    signed_in: SignedIn,
    state: web::Data<State>,
    which: web::Form<Fields>,
) -> WebResult {
    let account_id = signed_in.account_id();
    let Some(group) = find(&state, account_id, &which).await? else {
        return see_other(HERE);
    };
    let Alike { domain, reason, .. } = group.alike;
    loop {
        let (domain, actor) = (domain.clone(), signed_in.actor());
        let done = state
            .write(move |conn| {
                let which = (domain.as_str(), reason, since());
                apply::reactivate_alike(conn, account_id, which, &actor, Timestamp::now())
            })
            .await?;
        if done == 0 {
            break;
        }
    }
    see_other("/benutzerkonto/ruecklaeufer?meldung=absagen-zurueckgenommen")
}
