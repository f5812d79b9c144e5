//! Forms with which people sign up by themselves.

use diesel::prelude::*;

use crate::db::schema::{groups, signup_forms, signups};
use crate::db::{Conn, DbError, DbResult};
use crate::domain::secret::{Random128, random_128};
use crate::domain::time::Timestamp;

/// A form.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = signup_forms)]
pub struct SignupForm {
    /// Its number.
    pub id: i64,
    /// The account.
    pub account_id: i64,
    /// The group that people sign up for.
    pub group_id: i64,
    /// The random key in its address.
    pub public_key: Vec<u8>,
    /// What it is called inside the account, and in the evidence.
    pub name: String,
    /// Its heading.
    pub title: String,
    /// What stands beneath the heading; may be empty.
    pub intro: String,
    /// The sender's name in the confirmation mail, may be empty.
    pub sender_name: String,
    /// The sender's address in the confirmation mail.
    pub sender_address: String,
    /// What people agree to by signing up, word for word.
    pub consent_wording: String,
    /// What people agree to with the box for personal tracking, word for word.
    pub tracking_wording: String,
    /// For how many hours the link in the confirmation mail holds.
    pub valid_hours: i64,
    /// Whether it takes anybody at the moment.
    pub active: bool,
}

/// A form as a row of the list.
#[derive(Debug, Clone, Queryable)]
pub struct FormRow {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// The group's name.
    pub group_name: String,
    /// Whether it takes anybody at the moment.
    pub active: bool,
}

/// What can be typed about a form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    /// See [`SignupForm::group_id`].
    pub group_id: i64,
    /// See [`SignupForm::name`].
    pub name: String,
    /// See [`SignupForm::title`].
    pub title: String,
    /// See [`SignupForm::intro`].
    pub intro: String,
    /// See [`SignupForm::sender_name`].
    pub sender_name: String,
    /// See [`SignupForm::sender_address`].
    pub sender_address: String,
    /// See [`SignupForm::consent_wording`].
    pub consent_wording: String,
    /// See [`SignupForm::tracking_wording`].
    pub tracking_wording: String,
    /// See [`SignupForm::valid_hours`].
    pub valid_hours: i64,
    /// See [`SignupForm::active`].
    pub active: bool,
}

/// All forms of the account, newest first.
pub fn all(conn: &mut Conn, account_id: i64) -> DbResult<Vec<FormRow>> {
    Ok(signup_forms::table
        .inner_join(groups::table)
        .filter(signup_forms::account_id.eq(account_id))
        .order(signup_forms::id.desc())
        .select((
            signup_forms::id,
            signup_forms::name,
            groups::name,
            signup_forms::active,
        ))
        .load(conn)?)
}

/// The form of that number.
pub fn find(conn: &mut Conn, account_id: i64, form_id: i64) -> DbResult<SignupForm> {
    Ok(signup_forms::table
        .filter(signup_forms::account_id.eq(account_id))
        .find(form_id)
        .select(SignupForm::as_select())
        .first(conn)?)
}

/// The form with that key in its address. The key is all a public request knows; it leads to
/// exactly one account.
pub fn find_by_key(conn: &mut Conn, key: &Random128) -> DbResult<Option<SignupForm>> {
    Ok(signup_forms::table
        .filter(signup_forms::public_key.eq(&key[..]))
        .select(SignupForm::as_select())
        .first(conn)
        .optional()?)
}

/// How many forms sign people up for that group.
pub fn count_of_group(conn: &mut Conn, account_id: i64, group_id: i64) -> DbResult<i64> {
    Ok(signup_forms::table
        .filter(signup_forms::account_id.eq(account_id))
        .filter(signup_forms::group_id.eq(group_id))
        .count()
        .get_result(conn)?)
}

/// Makes a form. The group has to be the account's.
pub fn create(
    conn: &mut Conn,
    account_id: i64,
    content: &Content,
    now: Timestamp,
) -> DbResult<i64> {
    super::groups::find(conn, account_id, content.group_id)?;
    let key = random_128().map_err(|e| DbError::Unavailable(e.to_string()))?;
    Ok(diesel::insert_into(signup_forms::table)
        .values((
            signup_forms::account_id.eq(account_id),
            signup_forms::public_key.eq(&key[..]),
            values(content),
            signup_forms::created_at.eq(now.millis()),
            signup_forms::updated_at.eq(now.millis()),
        ))
        .returning(signup_forms::id)
        .get_result(conn)?)
}

/// Changes a form. The group has to be the account's.
pub fn update(
    conn: &mut Conn,
    account_id: i64,
    form_id: i64,
    content: &Content,
    now: Timestamp,
) -> DbResult<()> {
    super::groups::find(conn, account_id, content.group_id)?;
    let changed = diesel::update(
        signup_forms::table
            .filter(signup_forms::account_id.eq(account_id))
            .filter(signup_forms::id.eq(form_id)),
    )
    .set((
        values(content),
        signup_forms::updated_at.eq(now.millis()),
        signup_forms::changed_by.eq(None::<i64>),
    ))
    .execute(conn)?;
    if changed == 0 {
        return Err(DbError::NotFound);
    }
    Ok(())
}

/// The row of a form as it was typed.
#[diesel::dsl::auto_type(no_type_alias)]
fn values<'a>(content: &'a Content) -> _ {
    let name: &'a str = content.name.as_str();
    let title: &'a str = content.title.as_str();
    let intro: &'a str = content.intro.as_str();
    let sender_name: &'a str = content.sender_name.as_str();
    let sender_address: &'a str = content.sender_address.as_str();
    let consent_wording: &'a str = content.consent_wording.as_str();
    let tracking_wording: &'a str = content.tracking_wording.as_str();
    let group_id: i64 = content.group_id;
    let valid_hours: i64 = content.valid_hours;
    let active: bool = content.active;
    (
        signup_forms::group_id.eq(group_id),
        signup_forms::name.eq(name),
        signup_forms::title.eq(title),
        signup_forms::intro.eq(intro),
        signup_forms::sender_name.eq(sender_name),
        signup_forms::sender_address.eq(sender_address),
        signup_forms::consent_wording.eq(consent_wording),
        signup_forms::tracking_wording.eq(tracking_wording),
        signup_forms::valid_hours.eq(valid_hours),
        signup_forms::active.eq(active),
    )
}

/// Removes a form with the wishes to sign up that are still open. Their mails in the outbox are
/// for the caller to remove before ([`super::signups::mails_of_form`]).
pub fn delete(conn: &mut Conn, account_id: i64, form_id: i64) -> DbResult<()> {
    diesel::delete(
        signup_forms::table
            .filter(signup_forms::account_id.eq(account_id))
            .filter(signup_forms::id.eq(form_id)),
    )
    .execute(conn)?;
    Ok(())
}

/// How many wishes to sign up with this form are not confirmed yet and still can be.
pub fn count_open(conn: &mut Conn, account_id: i64, form_id: i64, now: Timestamp) -> DbResult<i64> {
    Ok(signups::table
        .filter(signups::account_id.eq(account_id))
        .filter(signups::form_id.eq(form_id))
        .filter(signups::expires_at.gt(now.millis()))
        .count()
        .get_result(conn)?)
}
