//! Can mails come from this address?

use super::{List, Place, Weight};
use crate::domain::address::EmailAddress;

/// Providers of mailboxes for everybody. Their domains say (DMARC, RFC 7489) that mails from
/// their addresses come from their own servers only.
const FREEMAIL: [&str; 30] = [
    "1und1.de",
    "aol.com",
    "arcor.de",
    "email.de",
    "freenet.de",
    "gmail.com",
    "gmx.at",
    "gmx.ch",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hotmail.com",
    "hotmail.de",
    "icloud.com",
    "live.com",
    "live.de",
    "mail.de",
    "mailbox.org",
    "me.com",
    "msn.com",
    "online.de",
    "outlook.com",
    "outlook.de",
    "posteo.de",
    "proton.me",
    "t-online.de",
    "vodafone.de",
    "web.de",
    "yahoo.com",
    "yahoo.de",
];

pub(super) fn check(address: &str, list: &mut List) {
    let Ok(address) = EmailAddress::parse(address) else {
        list.add(
            Weight::Error,
            Place::Sender,
            "Die Absenderadresse fehlt oder ist keine E-Mail-Adresse.",
            "Geben Sie eine Adresse Ihrer eigenen Domain an.",
        );
        return;
    };
    if FREEMAIL.contains(&address.domain()) {
        list.add(
            Weight::Hint,
            Place::Sender,
            format!("Die Absenderadresse gehört zu {}.", address.domain()),
            "Die großen Anbieter lehnen solche E-Mails ab, wenn sie von einem anderen Mailserver kommen (DMARC). Nehmen Sie eine Adresse Ihrer eigenen Domain.",
        );
    }
}
