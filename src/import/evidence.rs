//! What proves the consents that come with a file: whoever imports them has to be able to show when
//! and how each was given, and to which words (Art. 7 (1) GDPR).

use serde::{Deserialize, Serialize};

use crate::domain::day::{DayProblem, past_day};
use crate::domain::time::Timestamp;

/// Longest wording, in characters.
const MAX_WORDING_CHARS: usize = 2_000;

/// Longest account of how the consents came, in characters.
const MAX_HOW_CHARS: usize = 200;

/// What proves the consents that come with a file, as typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentEvidence {
    /// Whether everybody in the file has consented; else those of whom a column says so.
    pub everybody: bool,
    /// To what, word for word.
    pub wording: String,
    /// How the consents came.
    pub how: String,
    /// On which day, where no column says it.
    pub day: String,
}

/// A part of the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The words that were agreed to.
    Wording,
    /// How the consents came.
    How,
    /// The day.
    Day,
}

impl ConsentEvidence {
    /// As typed, without what surrounds it; line ends as `\n`.
    pub fn new(everybody: bool, wording: &str, how: &str, day: &str) -> Self {
        let clean = |typed: &str| typed.trim().replace("\r\n", "\n");
        Self {
            everybody,
            wording: clean(wording),
            how: clean(how),
            day: clean(day),
        }
    }

    /// Whether nothing was typed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The beginning of the day.
    ///
    /// # Errors
    /// [`DayProblem`] where what was typed is no past day.
    pub fn given_on(&self, now: Timestamp) -> Result<Timestamp, DayProblem> {
        past_day(&self.day, None, now)
    }

    /// What is missing or wrong, as German sentences; nothing where the consents are proven.
    pub fn problems(&self, now: Timestamp) -> Vec<(Part, String)> {
        let mut problems = Vec::new();
        for (part, what, typed, most) in [
            (
                Part::Wording,
                "Der Wortlaut der Einwilligung",
                &self.wording,
                MAX_WORDING_CHARS,
            ),
            (
                Part::How,
                "Wie die Einwilligungen kamen",
                &self.how,
                MAX_HOW_CHARS,
            ),
        ] {
            if typed.is_empty() {
                let text = format!("{what} fehlt: Ohne Nachweis gilt keine Einwilligung.");
                problems.push((part, text));
            } else if typed.chars().count() > most {
                problems.push((part, format!("{what}: höchstens {most} Zeichen.")));
            } else if typed.chars().any(|c| c.is_control() && !c.is_whitespace()) {
                problems.push((part, format!("{what} enthält ein Steuerzeichen.")));
            }
        }
        if let Err(problem) = self.given_on(now) {
            let prompt = "Geben Sie den Tag der Einwilligungen an, zum Beispiel 24.11.2026.";
            problems.push((Part::Day, problem.sentence(prompt)));
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 29 November 2026.
    const NOW: Timestamp = Timestamp(1_795_910_400_000);

    fn parts(wording: &str, how: &str, day: &str) -> Vec<Part> {
        let evidence = ConsentEvidence::new(true, wording, how, day);
        let problems = evidence.problems(NOW);
        problems.into_iter().map(|(part, _)| part).collect()
    }

    #[test]
    fn each_part_is_asked_for() {
        use Part::{Day, How, Wording};
        assert_eq!(parts("", " ", "\n"), [Wording, How, Day]);
        assert_eq!(parts("Ja.", "Karte", "2026-11-29"), []);
        assert_eq!(parts("Ja.\r\nDoch.", "Karte", " 29.11.2026 "), []);
        assert_eq!(parts("Ja.", "Karte", "30.11.2026"), [Day]);
        assert_eq!(parts("Ja.", "Karte", "gestern"), [Day]);
        assert_eq!(parts("a\u{7}", "b\u{1b}", "2026-11-01"), [Wording, How]);
        let (wording, how) = ("ü".repeat(2_000), "ü".repeat(200));
        assert_eq!(parts(&wording, &how, "2026-11-01"), []);
        let (wording, how) = (wording + "ü", how + "ü");
        assert_eq!(parts(&wording, &how, "2026-11-01"), [Wording, How]);
    }
}
