//! Why something typed is refused, where pages and the interface for programs refuse the same: one
//! sentence for both.

use crate::domain::time::Timestamp;
use crate::tracking::settings::Obstacle;
use crate::web::filters;

/// The address is somebody else's.
pub const ADDRESS_TAKEN: &str = "Diese Adresse gehört schon einem anderen Empfänger.";

/// A free field is to be called like a fixed one.
pub const FIELD_IS_FIXED: &str =
    "Diesen Namen hat schon eine feste Angabe. Wählen Sie einen anderen.";

/// An objection that was the person's own act is to be lifted.
pub const REASON_MISSING: &str = "Geben Sie an, warum der Widerspruch aufgehoben wird.";

/// A consent needs its day.
pub const DAY_MISSING: &str = "Geben Sie den Tag der Einwilligung an, zum Beispiel 24.11.2026.";

/// Longest description of how a consent came, in characters.
pub const MAX_HOW_CHARS: usize = 200;

/// Longest wording of a consent, in characters.
pub const MAX_WORDING_CHARS: usize = 2_000;

/// What is wrong with the description of how a consent came.
pub fn how_problem(typed: &str) -> Option<String> {
    evidence_problem("Wie die Einwilligung kam", typed, MAX_HOW_CHARS)
}

/// What is wrong with the wording of a consent.
pub fn wording_problem(typed: &str) -> Option<String> {
    evidence_problem("Der Wortlaut", typed, MAX_WORDING_CHARS)
}

fn evidence_problem(what: &str, typed: &str, most: usize) -> Option<String> {
    let typed = typed.trim();
    if typed.is_empty() {
        Some(format!(
            "{what} fehlt: Ohne Nachweis gilt keine Einwilligung."
        ))
    } else if typed.chars().count() > most {
        Some(format!("{what}: höchstens {most} Zeichen."))
    } else if typed.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        Some(format!("{what} enthält ein Steuerzeichen."))
    } else {
        None
    }
}

/// What stands in the way of recording a consent.
pub fn obstacle(obstacle: Obstacle) -> String {
    match obstacle {
        Obstacle::InTheFuture => "Dieser Tag liegt in der Zukunft.".to_owned(),
        Obstacle::ObjectedSince => {
            "Die Person hat danach widersprochen. Es gilt, was sie zuletzt gesagt hat.".to_owned()
        }
        Obstacle::NotToBeAsked(until) => not_to_be_asked(until),
    }
}

fn not_to_be_asked(until: Timestamp) -> String {
    format!(
        "Diese Person hat Nein gesagt und darf bis zum {} nicht erneut gefragt werden. Eine Einwilligung, um \
         die Sie vorher gebeten haben, kann nicht eingetragen werden.",
        filters::format_date(until.millis())
    )
}
