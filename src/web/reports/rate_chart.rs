//! The drawing of rates over mailings: where its lines run. What they say stands in a table too.

use crate::db::reports::Figures;
use crate::db::reports::overview::ReportLine;
use crate::web::filters::{format_date, format_percent};

/// The height of the drawing, in its own units.
const HEIGHT: i64 = 1_000;

/// How wide one mailing is.
const WIDTH: usize = 100;

/// Lines of the open rate and of the click rate.
pub struct RateChart {
    /// What is seen, for those who do not see it.
    pub label: String,
    /// How wide.
    pub width: usize,
    /// How high.
    pub height: i64,
    /// The open rate: its line, and its points.
    pub opens: Line,
    /// The click rate.
    pub clicks: Line,
    /// The upper, middle and lower label beside it.
    pub y_labels: [String; 3],
    /// The labels at its beginning and end.
    pub x_labels: Vec<String>,
}

/// A line as two paths of an SVG drawing.
pub struct Line {
    /// From point to point; interrupted where nothing was measured.
    pub path: String,
    /// The points alone, as strokes without length.
    pub points: String,
}

impl RateChart {
    /// Draws mailings that come with the newest first; none where nothing was measured.
    pub fn new(newest_first: &[ReportLine]) -> Option<Self> {
        let lines: Vec<&ReportLine> = newest_first.iter().rev().collect();
        let opens: Vec<_> = rates(&lines, |figures| figures.openers);
        let clicks: Vec<_> = rates(&lines, |figures| figures.clickers);
        let highest = opens.iter().chain(&clicks).flatten().max().copied()?;
        // Tens of percent, evenly, so that the middle is a whole number.
        let top = (highest.max(1) + 199) / 200 * 200;
        let date = |line: &&ReportLine| line.mailing.send_started_at.map(format_date);
        let mut x_labels: Vec<String> = lines.first().and_then(date).into_iter().collect();
        if lines.len() > 1 {
            x_labels.extend(lines.last().and_then(date));
        }
        let newest = newest_first.first()?;
        Some(Self {
            label: format!(
                "Öffnungsrate und Klickrate von {} E-Mailings; zuletzt {} und {}",
                lines.len(),
                format_percent(newest.figures.openers, newest.figures.handed_personal),
                format_percent(newest.figures.clickers, newest.figures.handed_personal),
            ),
            width: lines.len() * WIDTH,
            height: HEIGHT,
            opens: Line::new(&opens, top),
            clicks: Line::new(&clicks, top),
            y_labels: [top, top / 2, 0].map(|tenths| format!("{} %", tenths / 10)),
            x_labels,
        })
    }
}

impl Line {
    fn new(rates: &[Option<i64>], top: i64) -> Self {
        let mut path = Vec::new();
        let mut points = Vec::new();
        let mut is_down = false;
        for (at, rate) in rates.iter().enumerate() {
            let Some(rate) = rate else {
                is_down = false;
                continue;
            };
            let (x, y) = (at * WIDTH + WIDTH / 2, HEIGHT - rate * HEIGHT / top);
            path.push(format!("{}{x} {y}", if is_down { 'L' } else { 'M' }));
            points.push(format!("M{x} {y}h0"));
            is_down = true;
        }
        Self {
            path: path.join(" "),
            points: points.join(" "),
        }
    }
}

/// Tenths of a percent of those measured; none where nobody was.
fn rates(lines: &[&ReportLine], part: impl Fn(&Figures) -> i64) -> Vec<Option<i64>> {
    lines
        .iter()
        .map(|line| {
            let measured = line.figures.handed_personal;
            (measured > 0).then(|| part(&line.figures) * 1_000 / measured)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_in_proportion_and_interrupted_where_nothing_was_measured() {
        let line = Line::new(&[Some(400), Some(100), None, Some(0)], 400);
        assert_eq!(line.path, "M50 0 L150 750 M350 1000");
        assert_eq!(line.points, "M50 0h0 M150 750h0 M350 1000h0");
    }

    #[test]
    fn nothing_is_not_drawn() {
        assert!(RateChart::new(&[]).is_none());
    }
}
