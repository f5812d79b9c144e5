//! What comes back of mails, as mail systems write it.

use widerspruch::bounces::apply::{self, Outcome};
use widerspruch::bounces::origin::Keys;
use widerspruch::db::models::recipients;
use widerspruch::domain::secret::{Purpose, Random128, Secret};
use widerspruch::domain::time::Timestamp;
use widerspruch::mail::verp;

use super::World;

impl World {
    fn secret(&self) -> Secret {
        Secret::load_or_create(&self.dir.path().join("secret.key")).expect("the secret")
    }

    /// The return path of the mail of that mailing to that recipient.
    pub fn return_path(&self, mailing_id: i64, recipient_id: i64) -> String {
        let key = self.read(|conn| {
            let person = recipients::find(conn, self.account_id, recipient_id)?;
            Ok(Random128::try_from(person.public_key.as_slice()).expect("a key"))
        });
        let mark = verp::mark(&self.secret().key(Purpose::Bounce), mailing_id, &key);
        verp::marked("rueck@example.org", &mark).expect("room for a mark")
    }

    /// Takes a message as if it had come back now.
    pub fn come_back(&self, message: &str) -> Outcome {
        self.come_back_at(message, Timestamp::now())
    }

    /// Takes a message as if it had come back at that time.
    pub fn come_back_at(&self, message: &str, now: Timestamp) -> Outcome {
        let keys = self.bounce_keys();
        self.write(|conn| apply::take(conn, message.as_bytes(), &keys, now))
    }

    /// What a report is read with.
    pub fn bounce_keys(&self) -> Keys {
        Keys::new(&self.secret())
    }
}

/// A report that a mail could not be delivered, in the shape of RFC 3464.
pub fn failed(return_path: &str, address: &str, code: &str) -> String {
    report(return_path, address, "failed", code)
}

/// A report of a mail system about a mail.
pub fn report(return_path: &str, address: &str, action: &str, code: &str) -> String {
    format!(
        "Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.example>
To: <{return_path}>
Subject: Undelivered Mail to {address}
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=\"b1\"

--b1
Content-Type: text/plain

Your mail to {address} could not be delivered.

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; {address}
Action: {action}
Status: {code}
Diagnostic-Code: smtp; 550 {code} <{address}> no

--b1
Content-Type: text/rfc822-headers

From: news@example.org
To: {address}
Subject: Neues

--b1--
"
    )
    .replace('\n', "\r\n")
}

/// A complaint about a mail, in the shape of RFC 5965.
pub fn complaint(return_path: &str, address: &str) -> String {
    format!(
        "From: Abuse Desk <feedback@provider.example>
To: <abuse@example.org>
Subject: Complaint of {address}
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary=\"b1\"

--b1
Content-Type: text/plain

This is an email abuse report.

--b1
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <{return_path}>
Original-Rcpt-To: <{address}>

--b1
Content-Type: message/rfc822

From: news@example.org
To: {address}
Subject: Neues

Guten Tag
--b1--
"
    )
    .replace('\n', "\r\n")
}
