//! Which columns say whether somebody may still be mailed, by their titles and what stands in them.
//!
//! The title decides the direction: *subscribed: no* says the same as *unsubscribed: yes*. Several
//! columns of a file may say it; what is worst among them holds.

use super::columns::{Column, compact};
use super::status::{Flag, StatedStatus};
use super::status_words::word;

/// What such a column is; `None` where its title means something else.
pub(super) fn guess<'a>(
    title: &str,
    cells: impl Iterator<Item = &'a str> + Clone,
) -> Option<Column> {
    let name = compact(title);
    let is_one_of = |names: &[&str]| names.contains(&name.as_str());
    let has_one_of = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
    let is_other_channel = has_one_of(OTHER_CHANNELS) && !name.contains("email");
    if is_other_channel || has_one_of(NO_STATEMENTS) {
        return is_one_of(EXCLUSIONS).then_some(Column::Unsubscribed);
    }
    let filled = cells.filter(|cell| Flag::of(cell) != Flag::Nothing);
    let has_words = filled.clone().any(|cell| word(cell).is_some());
    let mut flags = filled.clone().map(Flag::of);
    let has_flags = filled
        .clone()
        .any(|cell| matches!(Flag::of(cell), Flag::Yes | Flag::No));
    let only_flags = has_flags && flags.all(|flag| flag != Flag::Other);
    if name.contains("status") || is_one_of(STATES) {
        if has_words {
            return Some(Column::Status);
        }
        if only_flags && is_one_of(PERMISSIONS) {
            return Some(Column::Subscribed);
        }
        if is_one_of(CERTAIN_STATES) {
            return Some(Column::Status);
        }
    }
    if ["not", "nicht", "kein", "no"]
        .iter()
        .any(|no| name.starts_with(no))
    {
        return (is_one_of(REFUSALS) || has_one_of(REFUSAL_STEMS)).then_some(Column::Unsubscribed);
    }
    if has_one_of(UNDELIVERABLE_STEMS) || is_one_of(UNDELIVERABLE) {
        return Some(Column::Undeliverable);
    }
    if has_one_of(UNSUBSCRIBED_STEMS)
        || has_one_of(REFUSAL_STEMS)
        || is_one_of(UNSUBSCRIBED)
        || is_one_of(REFUSALS)
        || name.starts_with("sperr")
    {
        return Some(Column::Unsubscribed);
    }
    if MOMENTS.iter().any(|end| name.ends_with(end)) {
        return content(filled);
    }
    if is_one_of(SUBSCRIBED) || has_one_of(SUBSCRIBED_STEMS) {
        return Some(Column::Subscribed);
    }
    if (has_words || has_flags) && (is_one_of(CONFIRMED) || name.contains("optin")) {
        return Some(Column::Confirmed);
    }
    if (has_words || has_flags) && is_one_of(PERHAPS_SUBSCRIBED) {
        return Some(Column::Subscribed);
    }
    content(filled)
}

/// A column of whatever title, or none, in which nothing but such words stands, one of them at
/// least so plain that it means nothing else.
fn content<'a>(filled: impl Iterator<Item = &'a str> + Clone) -> Option<Column> {
    let plain = |cell: &str| {
        let cell = compact(cell);
        PLAIN.iter().any(|stem| cell.contains(stem))
    };
    let stops = |cell: &str| word(cell).is_some_and(|said| said > StatedStatus::Active);
    let mut cells = filled.clone();
    (cells.all(|cell| word(cell).is_some())
        && filled.clone().any(|cell| stops(cell) && plain(cell)))
    .then_some(Column::Status)
}

/// Statements about other ways to reach people.
const OTHER_CHANNELS: &[&str] = &[
    "sms",
    "phone",
    "telefon",
    "whatsapp",
    "call",
    "anruf",
    "fax",
    "postal",
    "briefpost",
    "postweg",
    "mobil",
    "push",
    "messenger",
    "viber",
    "directmail",
    "tracking",
];
/// Links, numbers and names that stand beside a statement.
const NO_STATEMENTS: &[&str] = &[
    "link",
    "url",
    "token",
    "hash",
    "count",
    "anzahl",
    "rate",
    "score",
    "campaign",
    "kampagne",
    "softbounce",
    "mailingid",
    "template",
    "text",
];
/// Titles with such a part that are one all the same.
const EXCLUSIONS: &[&str] = &[
    "isexcludedfromcampaigns",
    "excludedfromcampaigns",
    "excludefromcampaigns",
    "donotmailcampaigns",
];
/// Beside those that contain `status`.
const STATES: &[&str] = &[
    "state",
    "zustand",
    "permission",
    "emailpermission",
    "subscription",
    "consent",
    "emailconsent",
    "emailmarketingconsent",
    "marketingconsent",
    "newsletterconsent",
    "deliverability",
    "emaildeliverability",
    "zustellbarkeit",
];
/// Those of them that may hold a plain yes or no to mails.
const PERMISSIONS: &[&str] = &[
    "permission",
    "emailpermission",
    "subscription",
    "emailconsent",
    "emailmarketingconsent",
    "marketingconsent",
    "newsletterconsent",
    "subscriptionstatus",
    "newsletterstatus",
    "abostatus",
    "optinstatus",
    "permissionstatus",
    "emailpermissionstatus",
];
/// Titles that mean it whatever stands there: an unknown word refuses the row.
const CERTAIN_STATES: &[&str] = &[
    "status",
    "emailstatus",
    "mailstatus",
    "newsletterstatus",
    "abostatus",
    "abonnementstatus",
    "abonnentenstatus",
    "anmeldestatus",
    "subscriptionstatus",
    "subscriberstatus",
    "emailsubscriptionstatus",
    "emailsubscriberstatus",
    "liststatus",
    "kontaktstatus",
    "contactstatus",
    "memberstatus",
    "mailingstatus",
    "marketingstatus",
    "emailmarketingstatus",
    "empfaengerstatus",
    "recipientstatus",
    "optinstatus",
    "permissionstatus",
    "emailpermissionstatus",
    "emailconsentstatus",
    "emailmarketingconsent",
    "zustellstatus",
    "emaildeliverabilitystatus",
];
const UNDELIVERABLE_STEMS: &[&str] = &[
    "bounce",
    "undeliverable",
    "unzustellbar",
    "nichtzustellbar",
    "invalidemail",
    "emailinvalid",
    "emailungueltig",
    "ungueltigeemail",
    "ruecklaeufer",
];
const UNDELIVERABLE: &[&str] = &[
    "cleaned",
    "cleantime",
    "cleanedat",
    "adresseungueltig",
    "undelivered",
];
const UNSUBSCRIBED_STEMS: &[&str] = &[
    "unsub",
    "optout",
    "optedout",
    "abgemeldet",
    "abmelde",
    "abmeldung",
    "abbestell",
    "ausgetragen",
    "blacklist",
    "blocklist",
    "suppress",
    "complain",
    "beschwerde",
    "markedasspam",
    "reportedspam",
    "spamreport",
    "spambeschwerde",
    "werbesperre",
    "mailsperre",
    "newslettersperre",
    "gesperrt",
    "dncreason",
    "widerrufen",
];
const UNSUBSCRIBED: &[&str] = &[
    "austragung",
    "austragungam",
    "austragungsdatum",
    "blocked",
    "isblocked",
    "blockedat",
    "emailblocked",
    "blockiert",
    "blockiertam",
    "geblockt",
    "disabled",
    "isdisabled",
    "disabledat",
    "inactive",
    "isinactive",
    "inaktiv",
    "istinaktiv",
    "inaktivseit",
    "deactivated",
    "isdeactivated",
    "deactivatedat",
    "deaktiviert",
    "deaktiviertam",
    "deleted",
    "isdeleted",
    "deletedat",
    "geloescht",
    "geloeschtam",
    "removedat",
    "archivedat",
    "isarchived",
    "cancelledat",
    "canceledat",
    "widerruf",
    "widerrufam",
    "widerrufsdatum",
    "withdrawn",
    "withdrawnat",
    "consentwithdrawn",
    "consentwithdrawnat",
    "revoked",
    "revokedat",
    "consentrevoked",
    "consentrevokedat",
    "excluded",
    "isexcluded",
    "banned",
    "dnc",
    "spam",
    "abuse",
];
/// Wishes not to be mailed.
const REFUSALS: &[&str] = &[
    "noemail",
    "noemails",
    "nomail",
    "nomails",
    "nomailing",
    "nomailings",
    "nonewsletter",
    "nomarketing",
    "keinmailing",
    "keinemailings",
    "keinnewsletter",
    "keinewerbung",
    "keineemail",
    "keineemails",
    "keinemail",
    "keinemails",
    "nichtangemeldet",
    "nichtabonniert",
    "nichtanschreiben",
    "nichtkontaktieren",
    "nichtmailen",
    "nichtaktiv",
    "notactive",
    "notsubscribed",
];
const REFUSAL_STEMS: &[&str] = &[
    "donotemail",
    "donotmail",
    "donotcontact",
    "donotsend",
    "dontemail",
    "dontmail",
    "keineemailwerbung",
    "keinenewsletter",
];
/// How titles of dates end: when somebody subscribed says nothing about today.
const MOMENTS: &[&str] = &[
    "at", "am", "on", "time", "date", "datum", "seit", "since", "ip", "source", "quelle", "by",
    "via",
];
const SUBSCRIBED: &[&str] = &[
    "isactive",
    "istaktiv",
    "issubscriber",
    "abonniert",
    "newsletterabonniert",
    "newsletteraktiv",
    "newsletterempfaenger",
    "newslettererwuenscht",
    "newsletterjanein",
    "angemeldet",
    "istangemeldet",
    "newsletterangemeldet",
    "mailable",
    "isemailable",
    "mailingerlaubt",
    "emailerlaubt",
    "werbungerlaubt",
    "werbeerlaubnis",
];
const SUBSCRIBED_STEMS: &[&str] = &[
    "subscribed",
    "acceptsmarketing",
    "acceptsemail",
    "allowsemail",
    "emailallowed",
    "receiveemail",
    "receivesemail",
    "receivenewsletter",
    "receivesnewsletter",
    "wantsnewsletter",
];
/// These may as well mean something else: only with a value that says yes or no.
const PERHAPS_SUBSCRIBED: &[&str] = &[
    "active",
    "aktiv",
    "activated",
    "aktiviert",
    "enabled",
    "isenabled",
    "newsletter",
    "newsletteranmeldung",
    "mailing",
    "mailings",
    "emailings",
    "emailmarketing",
    "emailnewsletter",
    "abo",
    "abonnement",
    "abonnent",
    "newsletterabo",
    "subscriber",
    "subscribe",
    "werbung",
    "freigegeben",
];
const CONFIRMED: &[&str] = &[
    "confirmed",
    "isconfirmed",
    "emailconfirmed",
    "bestaetigt",
    "emailbestaetigt",
    "anmeldungbestaetigt",
    "verified",
    "isverified",
    "emailverified",
    "doi",
];
/// Stems of words that mean nothing but this.
const PLAIN: &[&str] = &[
    "abbestell",
    "abgemeld",
    "blacklist",
    "blocklist",
    "bounc",
    "complain",
    "optout",
    "optedout",
    "unsub",
    "unzustell",
];
