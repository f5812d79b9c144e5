//! The table of refusals: which codes mean what.
//!
//! Sources: RFC 5321 (4.2.3), RFC 3463 (3), RFC 3886, RFC 7504, RFC 7505, RFC 7372, RFC 8616, the IANA
//! registry "SMTP Enhanced Status Codes", and the documentation of Exchange Online.

use super::{BounceReason, StatusCode};
use BounceReason::{
    Authentication, Content, Disabled, Full, Loop, Moved, NoDomain, NoMailbox, Policy, Rate,
    Reputation, Sender, Size, System, Unavailable, Unknown, Unreachable,
};

/// What an enhanced code says of itself, by its subject and detail (RFC 3463, 3, and the IANA
/// registry). Its class only says for how long. Codes that are not here say no more than that
/// something failed: x.0.0, x.1.0, x.2.0, x.5.x and whatever a server made up.
pub const CODES: &[(u16, u16, BounceReason)] = &[
    (1, 1, NoMailbox),
    // Bad destination system: the domain.
    (1, 2, NoDomain),
    // Bad syntax of the address; ambiguous.
    (1, 3, NoMailbox),
    (1, 4, NoMailbox),
    (1, 6, Moved),
    (1, 7, Sender),
    (1, 8, Sender),
    // RFC 7505; Exchange says so of a recipient that it can't find.
    (1, 10, NoDomain),
    (2, 1, Disabled),
    (2, 2, Full),
    (2, 3, Size),
    // Expansion of a mailing list.
    (2, 4, System),
    (3, 1, System),
    (3, 2, System),
    (3, 3, System),
    (3, 4, Size),
    (3, 5, System),
    (4, 1, Unreachable),
    (4, 2, Unreachable),
    (4, 3, Unreachable),
    // No way to this domain is known.
    (4, 4, NoDomain),
    (4, 5, Rate),
    (4, 6, Loop),
    (4, 7, Unreachable),
    // Exchange Online: hops, time-outs of several kinds.
    (4, 14, Loop),
    (4, 300, Unreachable),
    (4, 312, Unreachable),
    (4, 316, Unreachable),
    (4, 317, Unreachable),
    (5, 3, Rate),
    (6, 0, Content),
    (6, 1, Content),
    (6, 2, Content),
    (6, 3, Content),
    (6, 4, Content),
    (6, 5, Content),
    (6, 6, Content),
    (6, 7, Content),
    (7, 0, Policy),
    (7, 1, Policy),
    (7, 2, Policy),
    (7, 3, Policy),
    (7, 7, Content),
    (7, 8, Policy),
    // RFC 7372: DKIM, SPF, reverse DNS, several of these.
    (7, 20, Authentication),
    (7, 21, Authentication),
    (7, 22, Authentication),
    (7, 23, Authentication),
    (7, 24, Authentication),
    (7, 25, Reputation),
    (7, 26, Authentication),
    // RFC 7505; RFC 8616 (ARC).
    (7, 27, Sender),
    (7, 28, Rate),
    (7, 29, Authentication),
    (7, 30, Policy),
    // Exchange Online: only for senders that are signed in, or allowed.
    (7, 124, Sender),
    (7, 133, Sender),
    (7, 134, Sender),
    (7, 501, Sender),
    (7, 502, Sender),
    (7, 503, Sender),
    (7, 509, Authentication),
    (7, 511, Sender),
    (7, 606, Reputation),
    (7, 708, Rate),
];

/// What an enhanced code says of itself.
pub(super) fn of_code(subject: u16, detail: u16) -> Option<BounceReason> {
    let known = |code: &&(u16, u16, BounceReason)| (code.0, code.1) == (subject, detail);
    match CODES.iter().find(known) {
        Some((.., reason)) => Some(*reason),
        // Whatever comes to these subjects is no matter of the recipient.
        None if subject == 7 => Some(Policy),
        None if subject == 6 => Some(Content),
        None => None,
    }
}

/// What a reply code says without an enhanced one (RFC 5321, 4.2.3; RFC 7504). 550, 553 and 554 are
/// used for everything.
pub(super) const fn of_reply(reply: u16) -> Option<BounceReason> {
    match reply {
        551 => Some(Moved),
        552 => Some(Full),
        556 => Some(NoDomain),
        421 | 451 | 452 => Some(System),
        _ => None,
    }
}

/// The code that has this meaning, for what was said in words only.
pub(super) const fn code_of(reason: BounceReason, for_now: bool) -> StatusCode {
    let class = if for_now { 4 } else { 5 };
    let (subject, detail) = match reason {
        NoMailbox => (1, 1),
        NoDomain => (1, 2),
        Moved => (1, 6),
        Disabled | Unavailable => (2, 1),
        Full => (2, 2),
        Sender => (1, 8),
        Reputation | Policy => (7, 1),
        Authentication => (7, 26),
        Content => (6, 0),
        Size => (3, 4),
        Rate => (4, 5),
        Unreachable => (4, 7),
        Loop => (4, 6),
        System | Unknown => (3, 0),
    };
    StatusCode::new(class, subject, detail)
}
