//! Mailings in every state between the draft and the end, standing still.

use diesel::connection::SimpleConnection;
use widerspruch::domain::time::Timestamp;

use super::furniture::{mailing, number};
use crate::support::World;
use crate::support::agent::Agent;

/// Paths of mailings.
pub struct States {
    pub scheduled: String,
    pub preparing: String,
    /// Being sent, and the mail server can't be reached.
    pub troubled: String,
    pub paused: String,
    /// Cancelled, and some of it still in the air.
    pub cancelling: String,
    pub cancelled: String,
}

impl States {
    /// Makes them. From now on nobody sends mailings of this account.
    pub fn make(world: &World, admin: &Agent, group: &str) -> Self {
        std::mem::forget(world.state.sender.keep_away(world.account_id));
        let new = |subject| mailing(admin, subject, "<p>Hallo</p>", group);
        let states = Self {
            scheduled: new("Geplant"),
            preparing: new("Vorbereitet"),
            troubled: new("Störung"),
            paused: new("Angehalten"),
            cancelling: new("Abbruch"),
            cancelled: new("Beendet"),
        };
        let today = Timestamp::now().millis();
        let next_week = jiff::Timestamp::from_millisecond(today)
            .expect("a time")
            .to_zoned(jiff::tz::TimeZone::UTC)
            .date()
            .saturating_add(jiff::Span::new().days(7));
        let when = [("date", &*next_week.to_string()), ("time", "09:30")];
        admin.submit(&format!("{}/planen", states.scheduled), &when);
        for started in [
            &states.preparing,
            &states.troubled,
            &states.paused,
            &states.cancelling,
            &states.cancelled,
        ] {
            admin.submit(&format!("{started}/senden"), &[]);
        }
        let set = |path: &str, what: &str| {
            format!("UPDATE mailings SET {what} WHERE id = {};", number(path))
        };
        let statements = [
            set(
                &states.troubled,
                "status = 'sending', deliveries = 12345, handed = 4711, handed_personal = 4000,
                 handed_anonymous = 711, failed = 12, uncertain = 3,
                 problem = 'Der Mailserver ist nicht zu erreichen.'",
            ),
            set(
                &states.paused,
                "status = 'paused', deliveries = 20, handed = 1, handed_personal = 1",
            ),
            set(
                &states.cancelling,
                "status = 'cancelled', deliveries = 20, handed = 11, cancelled = 8",
            ),
            set(
                &states.cancelled,
                &format!("status = 'cancelled', deliveries = 20, handed = 12, cancelled = 8, sent_at = {today}"),
            ),
        ]
        .concat();
        world.write(|conn| conn.batch_execute(&statements).map_err(Into::into));
        states
    }
}
