//! *Analysen*: the figures of sent mailings, and who did what.

pub mod activity;
mod chart;
pub mod comparison;
pub mod download;
pub mod group;
pub mod index;
pub mod on_mail;
mod rate_chart;
pub(in crate::web) mod report;
mod selection;
pub mod show;

use crate::web::filters::{format_as, format_time};

/// When something happened: exactly for a recipient; to the hour where only the hour is known.
fn format_moment(millis: i64, to_the_hour: bool) -> String {
    if !to_the_hour {
        return format_time(millis);
    }
    let day = format_as(millis, "%d.%m.%Y");
    let from = format_as(millis, "%-H");
    // The clock's next hour, not the number plus one: the clocks change twice a year.
    let to = format_as(millis + 3_600_000, "%-H");
    let to = if to == "0" { "24".to_owned() } else { to };
    format!("{day}, zwischen {from} und {to} Uhr")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_said_as_an_hour() {
        // 24.11.2026, 08:00 UTC
        assert_eq!(
            format_moment(1_795_507_200_000, true),
            "24.11.2026, zwischen 9 und 10 Uhr"
        );
        assert_eq!(
            format_moment(1_795_507_200_000 + 14 * 3_600_000, true),
            "24.11.2026, zwischen 23 und 24 Uhr"
        );
        assert_eq!(
            format_moment(1_795_508_100_000, false),
            "24.11.2026, 09:15 Uhr"
        );
    }
}
