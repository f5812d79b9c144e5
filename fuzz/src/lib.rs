//! What is fuzzed: everything that reads what strangers wrote. A target takes any bytes; it must
//! come back, and what it promises must hold.

use std::io::Cursor;

use widerspruch::bounces::{origin, report};
use widerspruch::domain::address::EmailAddress;
use widerspruch::domain::secret::{Purpose, Secret};
use widerspruch::import::columns::ColumnMapping;
use widerspruch::import::dialect::{Delimiter, Dialect, Encoding};
use widerspruch::import::preview::{inspect, preview};
use widerspruch::import::reader::RowReader;
use widerspruch::mail::{
    PreparedMailing, Recipient, TrackingUrls, links as mail_links, mjml as mail_mjml, personalise,
    read as mail_read, verp,
};
use widerspruch::tracking::token::{
    HitKind, PersonalLink, PersonalToken, TokenKeys, TrackingToken,
};

/// A target: its name, which is that of its corpus, and what takes the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const ALL: [Target; 6] = [
    ("token", token),
    ("import", import),
    ("bounce", bounce),
    ("links", links),
    ("mjml", mjml),
    ("address", address),
];

fn secret() -> Secret {
    Secret::from_bytes([7; 32])
}

/// Bytes changed at places that the data names.
fn damaged(text: &str, data: &[u8]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for change in data.chunks_exact(2) {
        let at = usize::from(change[0]) % bytes.len();
        bytes[at] = change[1];
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Tokens in addresses and in return paths: only what was written is read, and in no other
/// spelling.
pub fn token(data: &[u8]) {
    let keys = TokenKeys::new(&secret());
    let tracking = TrackingToken {
        mailing_id: 4711,
        key: Some([3; 16]),
        link: 2,
    };
    let personal = PersonalToken {
        mailing_id: 4711,
        recipient_key: [5; 16],
    };
    let typed = String::from_utf8_lossy(data).into_owned();
    for kind in [HitKind::Open, HitKind::Click] {
        let written = keys.tracking(kind, tracking);
        for text in [&typed, &damaged(&written, data)] {
            if let Some(read) = keys.read_tracking(kind, text) {
                assert_eq!((read, text), (tracking, &written));
            }
        }
    }
    for link in [PersonalLink::Unsubscribe, PersonalLink::Preferences] {
        let written = keys.personal(link, personal);
        for text in [&typed, &damaged(&written, data)] {
            if let Some(read) = keys.read_personal(link, text) {
                assert_eq!((read, text), (personal, &written));
            }
        }
    }
    let bounce = secret().key(Purpose::Bounce);
    let mark = verp::mark(&bounce, 4711, &[5; 16]);
    if let Some(address) = verp::marked("rueck@example.org", &mark) {
        if let Some(read) = verp::read(&bounce, &damaged(&address, data)) {
            assert_eq!(read, (4711, [5; 16]));
        }
        assert_eq!(verp::read(&bounce, &typed), None);
    }
}

/// Lists of recipients, in the dialect they look like and in every other one.
pub fn import(data: &[u8]) {
    if let Ok(found) = inspect(&mut Cursor::new(data), 20) {
        read_rows(data, found.dialect, found.mapping);
    }
    for encoding in Encoding::ALL {
        for delimiter in Delimiter::ALL {
            let dialect = Dialect {
                encoding: *encoding,
                delimiter: *delimiter,
                has_header: data.len().is_multiple_of(2),
                skip_lines: u32::from(data.len().is_multiple_of(3)),
            };
            if let Ok(seen) = preview(data, dialect, 20) {
                read_rows(data, dialect, seen.guess_mapping());
            }
        }
    }
}

fn read_rows(data: &[u8], dialect: Dialect, mapping: ColumnMapping) {
    let Ok(reader) = RowReader::new(data, dialect, mapping) else {
        return;
    };
    let mut last = 0;
    for row in reader {
        let line = match row {
            Ok(Ok(row)) => row.line,
            Ok(Err(refused)) => refused.line,
            Err(_) => break,
        };
        assert!(line > last, "rows come in the order of their lines");
        last = line;
    }
}

/// What comes back of mails: nobody can make it look as if it were about a mail of ours.
pub fn bounce(data: &[u8]) {
    let read = report::read(data, &origin::Keys::new(&secret()));
    assert!(!read.is_ours(), "a mark that was never given");
    let _ = mail_read::read(data);
}

/// A mailing's HTML and text: links are found, replaced and filled in.
pub fn links(data: &[u8]) {
    let source = String::from_utf8_lossy(data).into_owned();
    let (html, text) = source.split_once('\u{0}').unwrap_or((&source, ""));
    let _ = personalise::check(html, &[]);
    let _ = mail_links::with_links_in_new_tabs(html);
    let untouched = mail_links::rewrite_html(html, |_| None);
    if let Ok(untouched) = untouched {
        assert_eq!(untouched, html, "what is not replaced stays as it is");
    }
    let Ok(found) = mail_links::find_links(html, text) else {
        return;
    };
    for url in &found.tracked {
        if let Some(location) = mail_links::location(url) {
            assert!(location.is_ascii() && location.starts_with("http"));
        }
    }
    let numbered: Vec<(i32, String)> = (1..).zip(found.tracked).collect();
    let Ok(mailing) = PreparedMailing::new("Hallo {{ vorname }}", html, text, &numbered) else {
        return;
    };
    let click = |number: i32| format!("https://w.example/k/{number}");
    let fields = serde_json::Map::new();
    let recipient = Recipient {
        first_name: "Zoë </a>{{ \r\nBcc: x@evil.example",
        last_name: "<script>",
        address: "a+b@c.example",
        fields: &fields,
    };
    let urls = TrackingUrls {
        pixel: Some("https://w.example/o/1"),
        click: Some(&click),
        unsubscribe: "https://w.example/abmelden/1",
        preferences: "https://w.example/datenschutz/1",
    };
    if let Ok(mail) = mailing.render(&recipient, &urls) {
        assert!(!mail.subject.contains(['\r', '\n']), "{:?}", mail.subject);
    }
}

/// Mailings written in MJML.
pub fn mjml(data: &[u8]) {
    let source = String::from_utf8_lossy(data);
    let _ = mail_mjml::is_mjml(&source);
    if let Ok(html) = mail_mjml::to_html(&source) {
        let _ = mail_links::find_links(&html, "");
    }
}

/// Addresses as people type them: what was understood once is understood again as the same.
pub fn address(data: &[u8]) {
    let typed = String::from_utf8_lossy(data);
    if let Ok(address) = EmailAddress::parse(&typed) {
        let again = EmailAddress::parse(address.key()).expect("a key is an address");
        assert_eq!(again.key(), address.key());
        assert!(!address.key().contains(|c: char| c.is_control()));
    }
}
