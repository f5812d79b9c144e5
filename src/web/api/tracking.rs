//! `/api/v1/recipients/{id}/tracking`: what the person has said about personal tracking.

use actix_web::{HttpRequest, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::Caller;
use super::conditional::{self, Condition};
use super::input::Json;
use super::problem::{FieldProblem, Problem};
use super::{ApiResult, utc};
use crate::db::models::accounts;
use crate::db::models::consents::{self, Consent, ConsentKind};
use crate::db::models::recipients::{self, Recipient};
use crate::db::{Conn, DbResult, account_lock};
use crate::domain::day::past_day;
use crate::domain::secret::Key;
use crate::domain::time::Timestamp;
use crate::domain::tracking::{AccountTracking, RecipientTracking, TrackingSource};
use crate::tracking::policy::{Decision, decide};
use crate::tracking::settings::{self, Lifting, Obstacle};
use crate::web::forms::{NO_ADDRESS, may_hold_address};
use crate::web::reasons;
use crate::web::state::State;

/// Longest reason, in characters.
const MAX_REASON_CHARS: usize = 2_000;

/// What a recipient has said about personal tracking.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Tracking)]
pub struct TrackingBody {
    /// What the person has said: `unset` (nothing), `consented`, or `objected`.
    #[schema(pattern = "^(unset|consented|objected)$")]
    setting: &'static str,
    /// Since when; null where nothing was ever said.
    #[schema(required, format = DateTime)]
    since: Option<String>,
    /// How it came about: `admin`, `self`, `import`, `form`, `remembered`, or `api`.
    #[schema(required)]
    source: Option<&'static str>,
    /// Whether the person is measured personally at present, by this and by the account's setting.
    measured_personally: bool,
    /// Whether lifting the objection needs a reason, since it was the person's own act.
    needs_reason: bool,
    /// Until when nobody asks this person for consent; null when nothing is in the way.
    #[schema(required, format = DateTime)]
    not_to_be_asked_until: Option<String>,
}

/// What a recipient says about personal tracking from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TrackingInput)]
pub struct TrackingInput {
    /// `objected`: nothing personal is recorded from now on. `unset` lifts an objection.
    /// `consented` needs evidence.
    setting: Setting,
    /// Why an objection is lifted; needed where it was the person's own act. It is kept in the audit
    /// log, so it must not hold an address.
    #[schema(max_length = 2000)]
    reason: Option<String>,
    /// The evidence of a consent (Art. 7 (1) GDPR).
    consent: Option<ConsentInput>,
}

/// What can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Setting {
    /// Nothing.
    Unset,
    /// A yes.
    Consented,
    /// A no.
    Objected,
}

/// The evidence of a consent.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentInput {
    /// The day on which it was given.
    #[schema(format = Date)]
    given_on: String,
    /// How it was given, for example in which form of which website.
    #[schema(min_length = 1, max_length = 200)]
    how: String,
    /// To what the person agreed, word for word.
    #[schema(min_length = 1, max_length = 2000)]
    wording: String,
    /// Whether the person was asked, or came without.
    asked: bool,
}

/// What came of a change.
enum Outcome {
    Done(Recipient, AccountTracking),
    Refused(Problem),
}

impl TrackingBody {
    fn new(recipient: &Recipient, account: AccountTracking, now: Timestamp) -> Self {
        let objects = recipient.tracking == RecipientTracking::Objected;
        let until = settings::rests_until(recipient, now);
        Self {
            setting: recipient.tracking.as_str(),
            since: recipient.tracking_changed_at.map(utc),
            source: recipient.tracking_source.map(TrackingSource::as_str),
            measured_personally: decide(account, Some(recipient.tracking)) == Decision::Personal,
            needs_reason: objects && settings::needs_reason(recipient),
            not_to_be_asked_until: until.map(|until| utc(until.millis())),
        }
    }
}

/// Get the tracking setting of a recipient
#[utoipa::path(get, path = "/api/v1/recipients/{id}/tracking", operation_id = "get_tracking", tag = "Tracking",
    params(("id" = i64, Path, minimum = 1, description = "The recipient's number"),
           ("If-None-Match" = Option<String>, Header, description = "Answered with 304 while the state with this ETag holds")),
    responses((status = 200, description = "What the person has said", body = TrackingBody,
               headers(("ETag" = String, description = "Names this state"))),
              (status = 304, description = "As it was")),
    security(("key" = ["recipients:read"])))]
pub async fn show(
    caller: Caller,
    state: web::Data<State>,
    request: HttpRequest,
    id: web::Path<i64>,
) -> ApiResult {
    let (account_id, id) = (caller.account_id(), *id);
    let recipient = state
        .read(move |conn| recipients::find(conn, account_id, id))
        .await?;
    let account = caller.account.tracking();
    conditional::show(
        &request,
        &TrackingBody::new(&recipient, account, Timestamp::now()),
    )
}

/// Set the tracking setting of a recipient
///
/// After an objection has been answered with 200, nothing personal is stored about the person, not
/// even of mails sent before.
#[utoipa::path(put, path = "/api/v1/recipients/{id}/tracking", operation_id = "set_tracking", tag = "Tracking", request_body = TrackingInput,
    params(("id" = i64, Path, minimum = 1, description = "The recipient's number"),
           ("If-Match" = Option<String>, Header, description = "Only of the state with this ETag; 412 when somebody else changed it meanwhile")),
    responses((status = 200, description = "What holds now", body = TrackingBody,
               headers(("ETag" = String, description = "Names this state")))),
    security(("key" = ["tracking:write"])))]
pub async fn update(
    caller: Caller,
    state: web::Data<State>,
    request: HttpRequest,
    id: web::Path<i64>,
    input: Json<TrackingInput>,
) -> ApiResult {
    let condition = Condition::of(&request)?;
    let tracking = caller.account.tracking();
    let now = Timestamp::now();
    let wanted = Wanted::read(input.value)?;
    let (account_id, id, actor) = (caller.account_id(), *id, caller.actor());
    let key = state.remembering.clone();
    let outcome = state
        .write(move |conn| {
            if condition.is_set() {
                let is = settings::lock_recipient(conn, account_id, id)?;
                if let Err(stale) = condition.check(&TrackingBody::new(&is, tracking, now)) {
                    return Ok(Outcome::Refused(stale));
                }
            }
            let change = Change {
                account_id,
                recipient_id: id,
                key: &key,
                actor: &actor,
                now,
            };
            change.make(conn, &wanted)
        })
        .await?;
    match outcome {
        Outcome::Done(recipient, account) => {
            conditional::changed(&TrackingBody::new(&recipient, account, now))
        }
        Outcome::Refused(problem) => Err(problem),
    }
}

/// What is wanted, checked as far as it can be without the recipient.
enum Wanted {
    Objection,
    Lifting { reason: String },
    Consent { evidence: Consent, asked: bool },
}

impl Wanted {
    fn read(input: TrackingInput) -> Result<Self, Problem> {
        let mut wrong = Vec::new();
        let reason = input.reason.unwrap_or_default();
        if input.setting != Setting::Unset && !reason.is_empty() {
            wrong.push(FieldProblem::new(
                "reason",
                "Nur um einen Widerspruch aufzuheben.",
            ));
        } else if may_hold_address(&reason) {
            wrong.push(FieldProblem::new("reason", NO_ADDRESS));
        } else if reason.chars().count() > MAX_REASON_CHARS {
            wrong.push(FieldProblem::new(
                "reason",
                "Der Grund darf höchstens 2.000 Zeichen haben.",
            ));
        } else if reason.chars().any(|c| c.is_control() && !c.is_whitespace()) {
            wrong.push(FieldProblem::new(
                "reason",
                "Der Grund enthält ein Steuerzeichen.",
            ));
        }
        if input.setting != Setting::Consented && input.consent.is_some() {
            wrong.push(FieldProblem::new(
                "consent",
                "Nur zusammen mit setting: consented.",
            ));
        }
        let wanted = match (input.setting, input.consent) {
            (Setting::Objected, _) => Some(Self::Objection),
            (Setting::Unset, _) => Some(Self::Lifting { reason }),
            (Setting::Consented, Some(consent)) => consent
                .read(&mut wrong)
                .map(|(evidence, asked)| Self::Consent { evidence, asked }),
            (Setting::Consented, None) => {
                wrong.push(FieldProblem::new(
                    "consent",
                    "Ohne Nachweis gilt keine Einwilligung.",
                ));
                None
            }
        };
        match wanted {
            Some(wanted) if wrong.is_empty() => Ok(wanted),
            _ => Err(Problem::Invalid(wrong)),
        }
    }
}

impl ConsentInput {
    fn read(self, wrong: &mut Vec<FieldProblem>) -> Option<(Consent, bool)> {
        let given = past_day(&self.given_on, None, Timestamp::now());
        if let Err(problem) = given {
            let detail = problem.sentence(reasons::DAY_MISSING);
            wrong.push(FieldProblem::new("consent.given_on", detail));
        }
        for (field, problem) in [
            ("consent.how", reasons::how_problem(&self.how)),
            ("consent.wording", reasons::wording_problem(&self.wording)),
        ] {
            wrong.extend(problem.map(|problem| FieldProblem::new(field, problem)));
        }
        let how = if self.asked {
            "auf unsere Frage"
        } else {
            "von sich aus"
        };
        let at = given.ok()?.millis();
        let evidence = Consent {
            kind: ConsentKind::Tracking,
            agreed: true,
            wording: self.wording.trim().replace("\r\n", "\n"),
            form_name: format!("{} ({how})", self.how.trim()),
            asked_at: at,
            given_at: at,
        };
        Some((evidence, self.asked))
    }
}

/// A change of one recipient's setting, in one transaction.
struct Change<'a> {
    account_id: i64,
    recipient_id: i64,
    key: &'a Key,
    actor: &'a crate::db::models::audit::Actor,
    now: Timestamp,
}

impl Change<'_> {
    fn make(&self, conn: &mut Conn, wanted: &Wanted) -> DbResult<Outcome> {
        let Self {
            account_id,
            recipient_id,
            key,
            actor,
            now,
        } = *self;
        let source = TrackingSource::Program;
        // What the person has said does not change between looking and acting.
        account_lock::exclusive(conn, account_id)?;
        let before = recipients::find(conn, account_id, recipient_id)?;
        match wanted {
            Wanted::Objection => {
                settings::object(conn, account_id, recipient_id, source, actor, now)?;
            }
            Wanted::Lifting { reason } => {
                if before.tracking == RecipientTracking::Consented {
                    return Ok(Outcome::Refused(Problem::ConsentStands));
                }
                let objects = before.tracking == RecipientTracking::Objected;
                if objects && settings::needs_reason(&before) && reason.trim().is_empty() {
                    return Ok(invalid("reason", reasons::REASON_MISSING));
                }
                let lifting = Lifting {
                    reason,
                    source,
                    remembering: key,
                };
                settings::lift_objection(conn, account_id, recipient_id, &lifting, actor, now)?;
            }
            Wanted::Consent { evidence, asked } => {
                let given = Timestamp(evidence.given_at);
                if let Some(obstacle) = settings::consent_obstacle(&before, given, *asked, now) {
                    return Ok(refused(obstacle));
                }
                if settings::consent(conn, account_id, recipient_id, source, key, actor, now)? {
                    consents::record(conn, account_id, recipient_id, evidence)?;
                }
            }
        }
        Ok(Outcome::Done(
            recipients::find(conn, account_id, recipient_id)?,
            accounts::find(conn, account_id)?.tracking(),
        ))
    }
}

fn refused(obstacle: Obstacle) -> Outcome {
    let field = match obstacle {
        Obstacle::InTheFuture | Obstacle::ObjectedSince => "consent.given_on",
        Obstacle::NotToBeAsked(_) => "consent.asked",
    };
    invalid(field, reasons::obstacle(obstacle))
}

fn invalid(field: &str, detail: impl Into<String>) -> Outcome {
    Outcome::Refused(Problem::Invalid(vec![FieldProblem::new(field, detail)]))
}
