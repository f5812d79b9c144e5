//! The words of the page on which people decide about personal tracking themselves. They are kept as
//! evidence of what was answered (Art. 7 (1) GDPR), so they stand in one place.

/// Where these answers are given, for the evidence.
pub const OWN_PAGE: &str = "Datenschutz-Einstellungen";

/// What stands at the button *Widersprechen*, word for word.
pub const OBJECTING: &str = "Sie können jederzeit widersprechen (Art. 21 DSGVO), ohne Gründe und ohne \
     Nachteile: Ihre E-Mails erhalten Sie weiterhin. Der Widerspruch gilt auch für E-Mails, die Sie schon erhalten \
     haben.";

/// What somebody agrees to who allows personal tracking there, word for word.
pub fn wording(account: &str) -> String {
    format!(
        "Ich erlaube {account}, personenbezogen zu erfassen, welche E-Mails ich öffne und welche Links ich darin \
         anklicke. Das kann ich jederzeit hier widerrufen."
    )
}
