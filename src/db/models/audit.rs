//! The audit log: who changed what, when (rule P11). Entries can be written and read; nothing
//! here changes one, and a trigger in the database refuses it too. [`super::audit_list`] reads them
//! in pages, and lets them go when their time is over.

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::db::json_rows::{self, Column};
use crate::db::schema::{audit_log, recipients};
use crate::db::{Conn, DbResult};
use crate::domain::time::Timestamp;

/// How the log names whoever acts behind the personal link in a mail.
pub const RECIPIENT: &str = "Empfänger selbst";

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A signed-in user, by number and name.
    User {
        /// The user's number.
        id: i64,
        /// The name, as it is at that time.
        name: String,
    },
    /// The recipient, behind the personal link in a mail.
    Recipient,
    /// A command or a background task, by name.
    Program(&'static str),
    /// A program behind one of the account's keys; see [`Actor::key`].
    Key(String),
}

impl Actor {
    /// A program behind the key of that name.
    pub fn key(name: &str) -> Self {
        Self::Key(format!("Schnittstelle: {name}"))
    }

    /// As it stands in the log and on the screen.
    pub fn label(&self) -> &str {
        match self {
            Self::User { name, .. } => name,
            Self::Recipient => RECIPIENT,
            Self::Program(name) => name,
            Self::Key(label) => label,
        }
    }

    /// The user's number, if it is a user.
    pub const fn user_id(&self) -> Option<i64> {
        match self {
            Self::User { id, .. } => Some(*id),
            Self::Recipient | Self::Program(_) | Self::Key(_) => None,
        }
    }
}

/// What was done. The word is stored; what it is called on the screen is [`Action::label`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Personal tracking switched off for the account.
    AccountTrackingOff,
    /// Personal tracking switched on for the account.
    AccountTrackingOn,
    /// Personal tracking of the account narrowed to those who agreed.
    AccountTrackingByConsent,
    /// What remains without personal tracking, or whether objections are remembered.
    AccountTrackingOptions,
    /// An objection of a recipient recorded.
    RecipientObjected,
    /// An objection of a recipient lifted.
    ObjectionLifted,
    /// A recipient's consent to personal tracking recorded.
    RecipientConsented,
    /// A recipient left a group by their own act.
    RecipientLeftGroup,
    /// A recipient who had left a group was put back, with a reason.
    RecipientReadmitted,
    /// A signing up was confirmed: entered, or subscribed to one more group.
    SignupConfirmed,
    /// A recipient asked for deletion.
    DeletionRequested,
    /// A recipient took that back.
    DeletionRequestWithdrawn,
    /// The account declined it, with a reason.
    DeletionRequestDeclined,
    /// A recipient's old tracking data pseudonymised.
    RecipientPseudonymised,
    /// All old tracking data of the account pseudonymised, or what was older than it is kept.
    PastPseudonymised,
    /// After how long tracking data is pseudonymised.
    RetentionChanged,
    /// Free fields whose names were only written in another way made one.
    FieldsMerged,
    /// The recipients and unconfirmed sign-ups of a list of addresses deleted.
    ListDeleted,
    /// A recipient deleted (and the old tracking data pseudonymised).
    RecipientDeleted,
    /// A recipient unsubscribed.
    RecipientUnsubscribed,
    /// A recipient subscribed again.
    RecipientResubscribed,
    /// A recipient's address counts as undeliverable, since mails came back.
    RecipientBounced,
    /// Mails go to an address again that counted as undeliverable.
    RecipientReactivated,
    /// The mailbox for what comes back set up, changed or removed.
    BounceMailboxChanged,
    /// After how many temporary bounces an address counts as undeliverable.
    SoftBounceLimitChanged,
    /// A password changed.
    PasswordChanged,
    /// A forgotten password replaced, by the link in a mail.
    PasswordReset,
    /// An administrator had a link to a new password made for somebody.
    PasswordLinkMade,
    /// Somebody was invited to become a user.
    UserInvited,
    /// An invitation sent anew.
    InvitationRenewed,
    /// An invitation taken back.
    InvitationRevoked,
    /// Somebody who was invited became a user.
    UserJoined,
    /// Name or roles of a user changed.
    UserChanged,
    /// A user removed.
    UserDeleted,
    /// A session ended from another one.
    SessionEnded,
    /// A second factor set up.
    SecondFactorOn,
    /// A second factor switched off by its user.
    SecondFactorOff,
    /// A second factor taken away by somebody else, as it was lost.
    SecondFactorReset,
    /// No codes are taken for a while, after too many wrong ones.
    SecondFactorBlocked,
    /// Whether every user needs a second factor.
    SecondFactorRequired,
    /// Signed in with a recovery code.
    RecoveryCodeUsed,
    /// New recovery codes in place of the old ones.
    RecoveryCodesRenewed,
    /// A mailing sent.
    MailingSent,
    /// The mail server set up differently.
    MailServerChanged,
    /// Mails go to the mail server from now on.
    MailServerOn,
    /// Mails go into the outbox from now on.
    MailServerOff,
    /// A key that signs mails made.
    SigningKeyMade,
    /// Mails are signed with a key from now on.
    SigningKeyOn,
    /// Mails are no longer signed with a key.
    SigningKeyOff,
    /// A key removed.
    SigningKeyRemoved,
    /// A mailing planned for later.
    MailingScheduled,
    /// A planned mailing made a draft again.
    MailingUnscheduled,
    /// A mailing halted in the middle.
    MailingPaused,
    /// A halted mailing let go on.
    MailingResumed,
    /// A mailing ended in the middle.
    MailingCancelled,
    /// Figures or activity of a mailing taken away as a file.
    ReportExported,
    /// A group made of recipients by what they did with a mailing.
    GroupMadeOfActivity,
    /// A group made of recipients to ask them for consent.
    AskingGroupMade,
    /// Everything about one recipient shown or taken away (Art. 15 and 20 GDPR).
    DataDisclosed,
    /// A copy of the whole database made.
    BackupMade,
    /// Somebody looked for where an address stands.
    AddressSearched,
    /// The database brought back from a copy, and told what had happened since.
    BackupRestored,
    /// The audit log taken away as a file.
    LogExported,
    /// For how long the audit log is kept.
    LogRetentionChanged,
    /// A key for programs made.
    ApiKeyMade,
    /// A key for programs revoked.
    ApiKeyRevoked,
    /// A webhook made.
    WebhookMade,
    /// A webhook switched on.
    WebhookOn,
    /// A webhook switched off.
    WebhookOff,
    /// A webhook switched off since nothing arrived for long.
    WebhookGivenUp,
    /// A webhook removed.
    WebhookRemoved,
}

impl Action {
    /// The stored word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccountTrackingOff => "account_tracking_off",
            Self::AccountTrackingOn => "account_tracking_on",
            Self::AccountTrackingByConsent => "account_tracking_by_consent",
            Self::AccountTrackingOptions => "account_tracking_options",
            Self::RecipientObjected => "recipient_objected",
            Self::ObjectionLifted => "objection_lifted",
            Self::RecipientConsented => "recipient_consented",
            Self::RecipientLeftGroup => "recipient_left_group",
            Self::RecipientReadmitted => "recipient_readmitted",
            Self::SignupConfirmed => "signup_confirmed",
            Self::DeletionRequested => "deletion_requested",
            Self::DeletionRequestWithdrawn => "deletion_request_withdrawn",
            Self::DeletionRequestDeclined => "deletion_request_declined",
            Self::RecipientPseudonymised => "recipient_pseudonymised",
            Self::PastPseudonymised => "past_pseudonymised",
            Self::RetentionChanged => "retention_changed",
            Self::FieldsMerged => "fields_merged",
            Self::ListDeleted => "list_deleted",
            Self::RecipientDeleted => "recipient_deleted",
            Self::RecipientUnsubscribed => "recipient_unsubscribed",
            Self::RecipientResubscribed => "recipient_resubscribed",
            Self::RecipientBounced => "recipient_bounced",
            Self::RecipientReactivated => "recipient_reactivated",
            Self::BounceMailboxChanged => "bounce_mailbox_changed",
            Self::SoftBounceLimitChanged => "soft_bounce_limit_changed",
            Self::PasswordChanged => "password_changed",
            Self::PasswordReset => "password_reset",
            Self::PasswordLinkMade => "password_link_made",
            Self::UserInvited => "user_invited",
            Self::InvitationRenewed => "invitation_renewed",
            Self::InvitationRevoked => "invitation_revoked",
            Self::UserJoined => "user_joined",
            Self::UserChanged => "user_changed",
            Self::UserDeleted => "user_deleted",
            Self::SessionEnded => "session_ended",
            Self::SecondFactorOn => "second_factor_on",
            Self::SecondFactorOff => "second_factor_off",
            Self::SecondFactorReset => "second_factor_reset",
            Self::SecondFactorBlocked => "second_factor_blocked",
            Self::SecondFactorRequired => "second_factor_required",
            Self::RecoveryCodeUsed => "recovery_code_used",
            Self::RecoveryCodesRenewed => "recovery_codes_renewed",
            Self::MailingSent => "mailing_sent",
            Self::MailServerChanged => "mail_server_changed",
            Self::MailServerOn => "mail_server_on",
            Self::MailServerOff => "mail_server_off",
            Self::SigningKeyMade => "signing_key_made",
            Self::SigningKeyOn => "signing_key_on",
            Self::SigningKeyOff => "signing_key_off",
            Self::SigningKeyRemoved => "signing_key_removed",
            Self::MailingScheduled => "mailing_scheduled",
            Self::MailingUnscheduled => "mailing_unscheduled",
            Self::MailingPaused => "mailing_paused",
            Self::MailingResumed => "mailing_resumed",
            Self::MailingCancelled => "mailing_cancelled",
            Self::ReportExported => "report_exported",
            Self::GroupMadeOfActivity => "group_made_of_activity",
            Self::AskingGroupMade => "asking_group_made",
            Self::DataDisclosed => "data_disclosed",
            Self::BackupMade => "backup_made",
            Self::AddressSearched => "address_searched",
            Self::BackupRestored => "backup_restored",
            Self::LogExported => "log_exported",
            Self::LogRetentionChanged => "log_retention_changed",
            Self::ApiKeyMade => "api_key_made",
            Self::ApiKeyRevoked => "api_key_revoked",
            Self::WebhookMade => "webhook_made",
            Self::WebhookOn => "webhook_on",
            Self::WebhookOff => "webhook_off",
            Self::WebhookGivenUp => "webhook_given_up",
            Self::WebhookRemoved => "webhook_removed",
        }
    }
}

/// Something to be written down.
pub struct Entry<'a> {
    /// Who did it.
    pub actor: &'a Actor,
    /// What.
    pub action: Action,
    /// To which recipient: by number, never by address.
    pub recipient_id: Option<i64>,
    /// What else matters, without personal data: a source, a reason.
    pub details: serde_json::Value,
}

/// Writes an entry, in the transaction of the change itself.
pub fn record(conn: &mut Conn, account_id: i64, entry: &Entry<'_>, now: Timestamp) -> DbResult<()> {
    diesel::insert_into(audit_log::table)
        .values((
            audit_log::account_id.eq(account_id),
            audit_log::at.eq(now.millis()),
            audit_log::actor.eq(entry.actor.label()),
            audit_log::user_id.eq(entry.actor.user_id()),
            audit_log::action.eq(entry.action.as_str()),
            audit_log::recipient_id.eq(entry.recipient_id),
            audit_log::details.eq(entry.details.to_string()),
        ))
        .execute(conn)?;
    Ok(())
}

/// Writes many entries in one statement, in the transaction of the changes themselves.
pub fn record_many(
    conn: &mut Conn,
    account_id: i64,
    entries: &[Entry<'_>],
    now: Timestamp,
) -> DbResult<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = entries
        .iter()
        .map(|entry| {
            (
                account_id,
                now.millis(),
                entry.actor.label(),
                entry.actor.user_id(),
                entry.action.as_str(),
                entry.recipient_id,
                entry.details.to_string(),
            )
        })
        .collect();
    let unfolded = json_rows::unfold(
        conn,
        &[
            ("account_id", Column::Int),
            ("at", Column::Int),
            ("actor", Column::Text),
            ("user_id", Column::Int),
            ("action", Column::Text),
            ("recipient_id", Column::Int),
            ("details", Column::Text),
        ],
    );
    diesel::sql_query(format!(
        "INSERT INTO audit_log (account_id, at, actor, user_id, action, recipient_id, details)
         SELECT account_id, at, actor, user_id, action, recipient_id, details
         FROM {unfolded} AS entered"
    ))
    .bind::<Text, _>(json_rows::of(&rows))
    .execute(conn)?;
    Ok(())
}

/// An entry as it is shown: the address is joined only while the recipient exists.
#[derive(Debug, Clone, Queryable)]
pub struct ShownEntry {
    /// Its number.
    pub id: i64,
    /// When, in milliseconds.
    pub at: i64,
    /// Who.
    pub actor: String,
    /// The stored word of the action.
    pub action: String,
    /// The recipient's number.
    pub recipient_id: Option<i64>,
    /// Details, as JSON.
    pub details: String,
    /// The recipient's address, while there is one.
    pub address: Option<String>,
}

/// An entry about one recipient.
#[derive(Debug, Clone, Queryable)]
pub struct OwnEntry {
    /// When, in milliseconds.
    pub at: i64,
    /// Who.
    pub actor: String,
    /// Whether that was a user of the account.
    pub user_id: Option<i64>,
    /// The stored word of the action.
    pub action: String,
    /// Details, as JSON.
    pub details: String,
}

/// All entries about a recipient, oldest first.
pub fn of_recipient(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
) -> DbResult<Vec<OwnEntry>> {
    Ok(audit_log::table
        .filter(audit_log::account_id.eq(account_id))
        .filter(audit_log::recipient_id.eq(recipient_id))
        .order(audit_log::id)
        .select((
            audit_log::at,
            audit_log::actor,
            audit_log::user_id,
            audit_log::action,
            audit_log::details,
        ))
        .load(conn)?)
}

/// The newest entry of that kind about a recipient.
pub fn newest_of_recipient(
    conn: &mut Conn,
    account_id: i64,
    recipient_id: i64,
    action: Action,
) -> DbResult<Option<OwnEntry>> {
    Ok(audit_log::table
        .filter(audit_log::account_id.eq(account_id))
        .filter(audit_log::recipient_id.eq(recipient_id))
        .filter(audit_log::action.eq(action.as_str()))
        .order(audit_log::id.desc())
        .select((
            audit_log::at,
            audit_log::actor,
            audit_log::user_id,
            audit_log::action,
            audit_log::details,
        ))
        .first(conn)
        .optional()?)
}

/// The newest entries of the account.
pub fn newest(conn: &mut Conn, account_id: i64, limit: i64) -> DbResult<Vec<ShownEntry>> {
    Ok(audit_log::table
        .left_join(
            recipients::table.on(audit_log::recipient_id
                .eq(recipients::id.nullable())
                .and(recipients::account_id.eq(audit_log::account_id))),
        )
        .filter(audit_log::account_id.eq(account_id))
        .order(audit_log::id.desc())
        .limit(limit)
        .select((
            audit_log::id,
            audit_log::at,
            audit_log::actor,
            audit_log::action,
            audit_log::recipient_id,
            audit_log::details,
            recipients::address.nullable(),
        ))
        .load(conn)?)
}
