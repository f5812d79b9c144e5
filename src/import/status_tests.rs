use super::*;
use crate::import::status_columns;

/// 1 December 2026.
const NOW: Timestamp = Timestamp(1_796_083_200_000);

fn said(column: &Column, cell: &str) -> Option<StatedStatus> {
    read(column, cell, NOW)
        .unwrap_or_else(|_| panic!("{column:?} {cell:?}"))
        .map(|(said, _)| said)
}

#[test]
fn words_of_the_common_tools_are_known() {
    use StatedStatus::{Active, Complained, Unconfirmed, Undeliverable, Unsubscribed};
    for (words, expected) in [
        (
            "subscribed|Active|aktiv|ENABLED|confirmed|Angemeldet|Explicit|double opt-in|Opted-in|bestätigt|abonniert",
            Active,
        ),
        (
            "unsubscribed|UNSUBSCRIBED|Abgemeldet|abbestellt|ausgetragen|opt-out|Opted out|inaktiv|inactive|blocklisted|\
             Blacklisted|blocked|gesperrt|Gesperrt (Admin)|disabled|deleted|archived|suppressed|Removed|cancelled|\
             Unsubscribed from all email|gelöscht|deaktiviert|widerrufen|Do not contact|globally unsubscribed",
            Unsubscribed,
        ),
        (
            "bounced|Bounce|hard bounce|Hardbounce|cleaned|undeliverable|unzustellbar|nicht zustellbar|ungültig|invalid|soft bounced",
            Undeliverable,
        ),
        (
            "complained|complaint|spam|Marked as spam|abused|Beschwerde|junk|Spam-Beschwerde",
            Complained,
        ),
        (
            "unconfirmed|unbestätigt|pending|nicht bestätigt|Awaiting confirmation|non-subscribed|nonSubscribed|NEVER_SUBSCRIBED|\
             transactional|No permission set|ausstehend|nicht angemeldet|not subscribed|new",
            Unconfirmed,
        ),
    ] {
        for word in words.split('|') {
            assert_eq!(said(&Column::Status, word), Some(expected), "{word:?}");
        }
    }
    for nothing in ["", " ", "-", "–", "NULL", "n/a"] {
        assert_eq!(said(&Column::Status, nothing), None, "{nothing:?}");
    }
    for unknown in [
        "Kunde",
        "1",
        "ja",
        "vielleicht",
        "not unsubscribed",
        "nicht gesperrt",
        "不明",
    ] {
        let problem = read(&Column::Status, unknown, NOW).expect_err(unknown);
        assert!(problem.to_string().contains(unknown), "{problem}");
    }
    let problem = read(&Column::Status, "anna@example.org", NOW).expect_err("an address");
    assert!(!problem.to_string().contains('@'), "{problem}");
}

#[test]
fn the_column_decides_what_yes_means() {
    use Column::{Confirmed, Subscribed, Undeliverable, Unsubscribed};
    use StatedStatus as S;
    for (column, cell, expected) in [
        (Subscribed, "true", Some(S::Active)),
        (Subscribed, "false", Some(S::Unsubscribed)),
        (Subscribed, "0", Some(S::Unsubscribed)),
        (Subscribed, "", Some(S::Unconfirmed)),
        (Subscribed, "unsubscribed", Some(S::Unsubscribed)),
        (Subscribed, "2026-01-05 10:00:00", Some(S::Active)),
        (Confirmed, "1", Some(S::Active)),
        (Confirmed, "0", Some(S::Unconfirmed)),
        (Confirmed, "", None),
        (Unsubscribed, "", None),
        (Unsubscribed, "0", Some(S::Active)),
        (Unsubscribed, "No", Some(S::Active)),
        (Unsubscribed, "0000-00-00 00:00:00", Some(S::Active)),
        (Unsubscribed, "0001-01-01T00:00:00Z", None),
        (Unsubscribed, "1", Some(S::Unsubscribed)),
        (Unsubscribed, "2", Some(S::Unsubscribed)),
        (Unsubscribed, "Yes", Some(S::Unsubscribed)),
        (Unsubscribed, "x", Some(S::Unsubscribed)),
        (Unsubscribed, "2024-06-01 08:00:00", Some(S::Unsubscribed)),
        (Unsubscribed, "1717228800", Some(S::Unsubscribed)),
        (Unsubscribed, "wollte nicht mehr", Some(S::Unsubscribed)),
        (Unsubscribed, "✗", Some(S::Unsubscribed)),
        (Unsubscribed, "Bounced", Some(S::Undeliverable)),
        (
            Undeliverable,
            "550 5.1.1 user unknown",
            Some(S::Undeliverable),
        ),
        (Undeliverable, "false", Some(S::Active)),
        (Undeliverable, "spam", Some(S::Complained)),
    ] {
        assert_eq!(said(&column, cell), expected, "{column:?} {cell:?}");
    }
    for (column, cell) in [
        (Subscribed, "2"),
        (Subscribed, "vielleicht"),
        (Subscribed, "✗"),
        (Unsubscribed, "aktiv"),
    ] {
        assert!(read(&column, cell, NOW).is_err(), "{column:?} {cell:?}");
    }
}

#[test]
fn a_past_day_is_kept() {
    let since = |cell| read(&Column::Unsubscribed, cell, NOW).expect("a status");
    let day = past_day("2024-06-01", None, Timestamp::now()).ok();
    for cell in [
        "2024-06-01",
        "01.06.2024",
        "2024-06-01 08:00:00",
        "2024-06-01T08:00:00Z",
    ] {
        assert_eq!(
            since(cell),
            Some((StatedStatus::Unsubscribed, day)),
            "{cell}"
        );
    }
    assert_eq!(
        since("2999-01-01"),
        Some((StatedStatus::Unsubscribed, None))
    );
}

#[test]
fn titles_decide_the_direction() {
    let guess = |title: &str, cells: &[&str]| status_columns::guess(title, cells.iter().copied());
    for (titles, cells, expected) in [
        (
            "Status|status|E-Mail-Status|Newsletter Status|subscription_status|Abo-Status|Kontaktstatus|Email permission status",
            &["foo"][..],
            Some(Column::Status),
        ),
        (
            "Versandstatus|List status|Permission|State|Email Marketing Consent|Irgendwas",
            &["aktiv", "unsubscribed"],
            Some(Column::Status),
        ),
        (
            "subscribed_to_emails|Subscribed|is_subscribed|is_active|Accepts Marketing|Accepts Email Marketing|Newsletter abonniert|angemeldet",
            &["false"],
            Some(Column::Subscribed),
        ),
        (
            "Newsletter|aktiv|enabled|Abo",
            &["ja", "nein"],
            Some(Column::Subscribed),
        ),
        (
            "confirmed|DOUBLE_OPT-IN|opt_in|bestätigt",
            &["1"],
            Some(Column::Confirmed),
        ),
        (
            "Newsletter|OPT_IN|aktiv|Bestellstatus|State",
            &["", "Ulm"],
            None,
        ),
        (
            "unsubscribed|UNSUB_TIME|unsubscribed_at|UNSUB_REASON|opt_out|Email Opt Out|HasOptedOutOfEmail|Email blacklisted|\
             blocklisted|dnc_reason|do_not_email|Do Not Contact|Abgemeldet|abgemeldet am|Abmeldedatum|gesperrt am|Sperrvermerk|\
             Werbesperre|suppressed|Unsubscribed from all email|keine Werbung|kein Newsletter|deleted_at|inaktiv|deactivated|\
             complaint|Marked as spam|no_email|IsExcludedFromCampaigns|not subscribed|ausgetragen am",
            &[],
            Some(Column::Unsubscribed),
        ),
        (
            "bounced|Bounce|hard_bounced|bounced_at|Email hard bounce reason|unzustellbar|Invalid email address|CLEAN_TIME",
            &[],
            Some(Column::Undeliverable),
        ),
        (
            "SMS blacklisted|Phone opt-out|DoNotCall|Abmeldelink|unsubscribe_url|bounce count|Softbounces|\
             subscribed_at|OPTIN_TIME|CONFIRM_TIME|Anmeldedatum|Telefon gesperrt|tracking opt-out",
            &["1"],
            None,
        ),
    ] {
        for title in titles.split('|') {
            assert_eq!(guess(title, cells), expected, "{title:?}");
        }
    }
}
