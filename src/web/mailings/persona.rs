//! As whom a mailing is shown: a recipient who was chosen, or somebody made up.

use serde_json::{Map, Value};

use crate::db::models::mailings::Mailing;
use crate::db::models::recipients;
use crate::domain::role::Role;
use crate::mail::{MailError, PreparedMailing, Recipient, RenderedMail, TrackingUrls};
use crate::web::access::SignedIn;
use crate::web::error::WebError;
use crate::web::state::State;

/// Somebody's values. Holds an address, so it has no `Debug` (rule P8).
#[derive(Clone)]
pub struct Persona {
    /// The recipient's number; none for the one who is made up.
    pub id: Option<i64>,
    /// First name, or empty.
    pub first_name: String,
    /// Last name, or empty.
    pub last_name: String,
    /// The address.
    pub address: String,
    fields: Map<String, Value>,
}

impl Persona {
    /// Somebody who has both names, an address, and no free fields.
    pub fn made_up() -> Self {
        Self {
            id: None,
            first_name: "Erika".to_owned(),
            last_name: "Mustermann".to_owned(),
            address: "erika.mustermann@example.org".to_owned(),
            fields: Map::new(),
        }
    }

    /// The chosen recipient, for whoever may see recipients; else somebody made up.
    pub async fn chosen(
        signed_in: &SignedIn,
        state: &State,
        id: Option<i64>,
    ) -> Result<Self, WebError> {
        let Some(id) = id else {
            return Ok(Self::made_up());
        };
        if !may_choose(signed_in) {
            return Err(WebError::Forbidden);
        }
        let account_id = signed_in.account_id();
        let recipient = state
            .read(move |conn| recipients::find(conn, account_id, id))
            .await?;
        Ok(Self {
            id: Some(recipient.id),
            fields: serde_json::from_str(&recipient.fields).unwrap_or_default(),
            first_name: recipient.first_name,
            last_name: recipient.last_name,
            address: recipient.address,
        })
    }

    /// How to call this person: by name, or else by address.
    pub fn name(&self) -> String {
        let name = [self.first_name.as_str(), self.last_name.as_str()].join(" ");
        match name.trim() {
            "" => self.address.clone(),
            name => name.to_owned(),
        }
    }

    /// The mailing as this person would get it, with addresses in which no token lives.
    pub fn render(
        &self,
        mailing: &Mailing,
        unsubscribe: &str,
        preferences: &str,
    ) -> Result<RenderedMail, MailError> {
        let recipient = Recipient {
            first_name: &self.first_name,
            last_name: &self.last_name,
            address: &self.address,
            fields: &self.fields,
        };
        let urls = TrackingUrls {
            pixel: None,
            click: None,
            unsubscribe,
            preferences,
        };
        let prepared = PreparedMailing::new(&mailing.subject, &mailing.html, &mailing.text, &[])?;
        prepared.check(&mailing.html)?;
        prepared.render(&recipient, &urls)
    }
}

/// Whether this user may look at recipients.
pub fn may_choose(signed_in: &SignedIn) -> bool {
    signed_in.user.roles().allow(Role::Recipients)
}
