//! Forms to sign up with.

use widerspruch::db::models::{groups, signup_forms};
use widerspruch::domain::time::Timestamp;

use super::World;

impl World {
    /// An active form on a website, for this group.
    pub fn make_signup_form(&self, group_id: i64) -> i64 {
        let content = signup_forms::Content {
            group_id,
            name: "Website".to_owned(),
            title: "Brief".to_owned(),
            sender_address: "post@example.org".to_owned(),
            consent_wording: "Ja.".to_owned(),
            tracking_wording: "Auch.".to_owned(),
            valid_hours: 24,
            active: true,
            ..signup_forms::Content::default()
        };
        self.write(|conn| signup_forms::create(conn, self.account_id, &content, Timestamp::now()))
    }

    /// Such a form, for a group of its own.
    pub fn make_signup_form_with_group(&self, group: &str) -> i64 {
        let group =
            self.write(|conn| groups::create(conn, self.account_id, group, Timestamp::now()));
        self.make_signup_form(group)
    }
}
