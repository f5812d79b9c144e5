//! An account with one of everything, as the pages are looked at in the browser.
#![allow(dead_code, reason = "the browser looks at more of it")]

#[path = "../../browser/accessibility/furniture.rs"]
pub mod furniture;
#[path = "../../browser/accessibility/states.rs"]
pub mod states;

use furniture::{Furniture, Users, furnish, number};
use widerspruch::db::models::{deletion_lists, sessions, users};
use widerspruch::domain::time::Timestamp;

use crate::support::World;
use crate::support::world::ADMIN;

/// What the pages of an account are about.
pub struct Furnished {
    furniture: Furniture,
    users: Users,
    /// One of the administrator's.
    session: i64,
    /// A deletion by list that waits to be confirmed.
    deletion_list: String,
}

impl Furnished {
    /// Makes all of it.
    pub fn of(world: &World) -> Self {
        let furniture = furnish(world);
        let users = Users::of(world);
        let sessions = world.read(|conn| sessions::of_user(conn, users.own, Timestamp::now()));
        let deletion_list = deletion_list(world, &furniture.active);
        Self {
            furniture,
            deletion_list,
            session: sessions[0].id,
            users,
        }
    }

    /// Addresses of the pages that this entry of the table stands for.
    pub fn pages_of(&self, pattern: &str) -> Vec<String> {
        const USERS: &str = "/benutzerkonto/benutzer";
        let things = &self.furniture;
        let of = |things: &[&String], to_cut: usize| {
            let rest = pattern.splitn(to_cut + 1, '/').nth(to_cut);
            things
                .iter()
                .map(|thing| {
                    rest.map_or_else(|| (*thing).clone(), |rest| format!("{thing}/{rest}"))
                })
                .collect()
        };
        let numbered = |number: i64| vec![pattern.replace("{id}", &number.to_string())];
        let report = things.sent.replace("/e-mailings/", "/analysen/");
        match pattern {
            "/empfaenger/suche" => vec![format!("{pattern}?q=example")],
            "/benutzerkonto/tracking/modus" => vec![
                format!("{pattern}?auf=consent"),
                format!("{pattern}?auf=active"),
            ],
            "/analysen/{id}/aktivitaet/gruppe" => {
                vec![format!("{report}/aktivitaet/gruppe?aktivitaet=geoeffnet")]
            }
            "/empfaenger/{id}/loeschwunsch/ablehnen" => of(&[&things.self_objected], 3),
            "/belege/{id}/bestaetigung" => of(&[&things.deletion], 3),
            _ if !pattern.contains("{id}") => vec![pattern.to_owned()],
            _ if pattern.starts_with("/empfaenger/import/") => {
                of(&[&things.import_new, &things.import_done], 4)
            }
            _ if pattern.starts_with("/empfaenger/loeschliste/") => of(&[&self.deletion_list], 4),
            _ if pattern.starts_with("/e-mailings/bilder/") => of(&[&things.picture], 4),
            _ if pattern.starts_with("/empfaenger/") => of(
                &[&things.active, &things.objected, &things.self_objected],
                3,
            ),
            _ if pattern.starts_with("/gruppen/") => of(&[&things.group], 3),
            _ if pattern.starts_with("/anmeldeformulare/") => of(&[&things.signup_form], 3),
            _ if pattern.starts_with("/e-mailings/") => {
                of(&[&things.questionable, &things.sent], 3)
            }
            _ if pattern.starts_with("/analysen/") => of(&[&report], 3),
            _ if pattern.starts_with("/belege/") => {
                of(&[&things.deletion, &things.pseudonymisation], 3)
            }
            _ if pattern.starts_with("/auftraege/") => of(&[&things.job], 3),
            _ if pattern.starts_with("/postausgang/") => of(&[&things.mail], 3),
            _ if pattern.starts_with("/benutzerkonto/anmeldungen/") => numbered(self.session),
            _ if pattern.starts_with(&format!("{USERS}/einladungen/")) => {
                numbered(self.users.invitation)
            }
            _ if pattern.starts_with(USERS) => numbered(self.users.other),
            _ if pattern.starts_with("/benutzerkonto/schnittstelle/webhooks/") => {
                of(&[&things.webhook], 5)
            }
            _ if pattern.starts_with("/benutzerkonto/schnittstelle/") => of(&[&things.api_key], 4),
            _ if pattern.starts_with("/benutzerkonto/versand/signatur/") => {
                of(&[&things.signing_key], 5)
            }
            _ => panic!("{pattern}: which page is that?"),
        }
    }
}

/// A list with one recipient on it, looked up and not yet confirmed.
fn deletion_list(world: &World, person: &str) -> String {
    let id = number(person).parse().expect("a number");
    let list = world.write(|conn| {
        let admin = users::find_by_email(conn, ADMIN)?.expect("the administrator");
        let list = deletion_lists::start(conn, world.account_id, admin.id, Timestamp::now())?;
        deletion_lists::note_recipients(conn, world.account_id, list, &[id])?;
        Ok(list)
    });
    format!("/empfaenger/loeschliste/{list}")
}
