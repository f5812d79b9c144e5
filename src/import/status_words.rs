//! The words of the common newsletter tools for whether somebody may still be mailed, in German and
//! English.
//!
//! A word that stops mails is recognised by its stem, one that allows them only as a whole: who is
//! taken for unsubscribed by mistake can be let in again, the opposite mails people who said no.

use super::columns::compact;
use super::status::StatedStatus;

/// What a word says, if it is known.
pub(super) fn word(cell: &str) -> Option<StatedStatus> {
    use StatedStatus::{Active, Complained, Unconfirmed, Undeliverable, Unsubscribed};
    let word = compact(cell);
    let is_one_of = |words: &[&str]| words.contains(&word.as_str());
    let has_one_of = |stems: &[&str]| stems.iter().any(|stem| word.contains(stem));
    if is_one_of(ACTIVE) {
        Some(Active)
    } else if is_one_of(UNCONFIRMED) {
        Some(Unconfirmed)
    } else if is_one_of(UNDELIVERABLE) {
        Some(Undeliverable)
    } else if is_one_of(UNSUBSCRIBED) {
        Some(Unsubscribed)
    } else if has_one_of(UNCONFIRMED_STEMS) {
        Some(Unconfirmed)
    } else if ["not", "nicht", "kein", "never", "nie", "un", "ent"]
        .iter()
        .any(|no| word.starts_with(no))
        && !word.starts_with("unsub")
        && !word.starts_with("undeliver")
        && !word.starts_with("unzustell")
    {
        // The negation of something: not for guessing.
        None
    } else if has_one_of(COMPLAINED_STEMS) {
        Some(Complained)
    } else if has_one_of(UNSUBSCRIBED_STEMS) {
        Some(Unsubscribed)
    } else if has_one_of(UNDELIVERABLE_STEMS) {
        Some(Undeliverable)
    } else {
        None
    }
}

const ACTIVE: &[&str] = &[
    "abonnent",
    "abonniert",
    "activated",
    "active",
    "activesubscriber",
    "aktiv",
    "aktiviert",
    "angemeldet",
    "bestaetigt",
    "confirmed",
    "confirmedoptin",
    "deliverable",
    "doi",
    "doubleoptin",
    "eingetragen",
    "enabled",
    "entsperrt",
    "explicit",
    "express",
    "freigegeben",
    "implied",
    "mailable",
    "ok",
    "optedin",
    "optin",
    "reactivated",
    "reaktiviert",
    "resubscribed",
    "singleoptin",
    "subscribe",
    "subscribed",
    "subscriber",
    "unblocked",
    "valid",
    "verified",
    "wiederangemeldet",
    "zustellbar",
];
const UNCONFIRMED: &[&str] = &[
    "angefragt",
    "eingeladen",
    "invited",
    "keine",
    "keinepermission",
    "neutral",
    "new",
    "neu",
    "nichtabonniert",
    "nichtangemeldet",
    "nichtaktiviert",
    "nichteingetragen",
    "none",
    "nooptin",
    "nopermission",
    "nopermissionset",
    "notactivated",
    "notoptedin",
    "offen",
    "transactional",
    "validating",
    "waiting",
    "wartend",
    "wartet",
];
const UNCONFIRMED_STEMS: &[&str] = &[
    "ausstehend",
    "awaiting",
    "neversubscri",
    "nichtbestaetigt",
    "nonsubscri",
    "notconfirm",
    "notsubscri",
    "notverified",
    "pending",
    "unbestaetigt",
    "unconfirm",
    "unverified",
];
const UNDELIVERABLE: &[&str] = &[
    "bereinigt",
    "cleaned",
    "dead",
    "failed",
    "fehlgeschlagen",
    "hard",
    "invalid",
    "nichtzustellbar",
    "notdeliverable",
    "ungueltig",
];
const UNDELIVERABLE_STEMS: &[&str] = &[
    "bounc",
    "invalidemail",
    "invalidaddress",
    "ruecklaeufer",
    "undeliver",
    "ungueltig",
    "unzustell",
];
const UNSUBSCRIBED: &[&str] = &[
    "abgelehnt",
    "archived",
    "archiviert",
    "ausgeschlossen",
    "banned",
    "cancelled",
    "canceled",
    "deactivated",
    "deaktiviert",
    "declined",
    "deleted",
    "denied",
    "disabled",
    "dnc",
    "entfernt",
    "excluded",
    "gekuendigt",
    "geloescht",
    "inactive",
    "inaktiv",
    "keinewerbung",
    "nichtaktiv",
    "nichtkontaktieren",
    "nomail",
    "noemail",
    "notactive",
    "opposed",
    "passiv",
    "paused",
    "pausiert",
    "rejected",
    "removed",
    "revoked",
    "suspended",
    "temporaryhold",
    "unenrolled",
    "unlisted",
    "widerrufen",
    "widersprochen",
    "withdrawn",
];
const UNSUBSCRIBED_STEMS: &[&str] = &[
    "abbestell",
    "abgemeld",
    "abmeld",
    "ausgetragen",
    "blacklist",
    "block",
    "donotcontact",
    "donotemail",
    "donotmail",
    "optedout",
    "optout",
    "sperr",
    "suppress",
    "unsub",
    "widerruf",
];
const COMPLAINED_STEMS: &[&str] = &["abuse", "beschwer", "complain", "junk", "spam"];
