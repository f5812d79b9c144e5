//! The drawing of figures per hour: where its bars stand. What they say stands in a table too.

use super::report::{HourLine, Reaction};
use crate::web::filters::{format_as, format_number};

/// The height of the drawing, in its own units.
const HEIGHT: i64 = 100;

/// One hour's bars: personal below, anonymous on top of it.
pub struct Bar {
    /// Where it begins, in hundredths of the drawing's hours.
    pub x: String,
    /// The upper end of the personal part.
    pub y: i64,
    /// Its height.
    pub height: i64,
    /// The upper end of the anonymous part.
    pub anonymous_y: i64,
    /// Its height.
    pub anonymous_height: i64,
}

/// A drawing of opens or of clicks.
pub struct Chart {
    /// What it is of.
    pub title: &'static str,
    /// What is seen, for those who do not see it.
    pub label: String,
    /// How many hours it is wide.
    pub width: usize,
    /// How high.
    pub height: i64,
    /// Its bars.
    pub bars: Vec<Bar>,
    /// The upper, middle and lower label beside it.
    pub y_labels: [String; 3],
    /// The labels at its beginning and end.
    pub x_labels: [String; 2],
}

impl Chart {
    /// Draws these hours; none when there is nothing to draw.
    pub fn new(
        what: &'static str,
        hours: &[HourLine],
        counts: impl Fn(&HourLine) -> Reaction,
    ) -> Option<Self> {
        let shown = |hour: &HourLine| counts(hour).by_people();
        let most = hours.iter().max_by_key(|hour| shown(hour))?;
        let highest = shown(most);
        if highest == 0 {
            return None;
        }
        // An even top has a whole number in the middle.
        let top = highest + highest % 2;
        let bars = hours
            .iter()
            .enumerate()
            .map(|(at, hour)| {
                let counts = counts(hour);
                let height = scaled(counts.personal, top);
                let with_anonymous = scaled(counts.by_people(), top);
                Bar {
                    x: format!("{at}.1"),
                    y: HEIGHT - height,
                    height,
                    anonymous_y: HEIGHT - with_anonymous,
                    anonymous_height: with_anonymous - height,
                }
            })
            .collect();
        Some(Self {
            title: what,
            label: format!(
                "{what} je Stunde, am meisten {} am {} Uhr",
                format_number(highest),
                hour_words(most.hour)
            ),
            width: hours.len(),
            height: HEIGHT,
            bars,
            y_labels: [top, top / 2, 0].map(format_number),
            x_labels: [hours.first()?, hours.last()?]
                .map(|hour| format!("{} Uhr", hour_words(hour.hour))),
        })
    }
}

/// An hour as "24.11., 9".
pub fn hour_words(hour: i64) -> String {
    format_as(hour * 3_600_000, "%d.%m., %-H")
}

/// A height in units of the drawing: never nothing where there is something.
fn scaled(n: i64, top: i64) -> i64 {
    if n == 0 { 0 } else { (n * HEIGHT / top).max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::small_groups::Shown::{self, Exactly, Few};

    const NONE: Reaction = Reaction {
        personal: 0,
        unique: 0,
        anonymous: Shown::Exactly(0),
        automatic: 0,
    };

    fn hours(opens: &[(i64, Shown)]) -> Vec<HourLine> {
        opens
            .iter()
            .zip(495_000..)
            .map(|(&(personal, anonymous), hour)| HourLine {
                hour,
                opens: Reaction {
                    personal,
                    anonymous,
                    ..NONE
                },
                clicks: NONE,
            })
            .collect()
    }

    #[test]
    fn bars_are_in_proportion_and_stand_on_the_line() {
        let hours = hours(&[(6, Exactly(2)), (0, Exactly(0)), (4, Few)]);
        let chart = Chart::new("Öffnungen", &hours, |hour| hour.opens).expect("a chart");
        assert_eq!(chart.y_labels, ["8", "4", "0"]);
        let heights: Vec<_> = chart
            .bars
            .iter()
            .map(|bar| (bar.height, bar.anonymous_height, bar.y + bar.height))
            .collect();
        assert_eq!(heights, [(75, 25, 100), (0, 0, 100), (50, 0, 100)]);
    }

    #[test]
    fn nothing_is_not_drawn() {
        assert!(Chart::new("Öffnungen", &hours(&[(0, Few)]), |hour| hour.opens).is_none());
        assert!(Chart::new("Öffnungen", &[], |hour| hour.opens).is_none());
    }
}
