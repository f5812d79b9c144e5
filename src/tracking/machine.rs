//! Which descriptions (`User-Agent`) are a program's, not a person's.
//!
//! The rules, in the order they are asked, on the description in lower case:
//!
//! 1. A picture proxy of a mailbox loads a picture when its owner opens the mail: a person.
//!    Google's has a second description for pictures that it loads ahead: a program.
//! 2. The bare `mozilla/5.0` is Apple's Mail Privacy Protection, which loads every picture of
//!    every mail, opened or not: a program.
//! 3. A word that programs call themselves by, as a name's beginning or end (`Googlebot`,
//!    `HeadlessChrome`), or an address of the web, where those who run one say who they are: a
//!    program. Inside a name the same letters mean nothing (`LinkedInApp`), and some names of
//!    devices end with them (`CUBOT`).
//! 4. `compatible;` and a name that is no browser's: a program. Crawlers write so.
//! 5. Anything that begins neither as a browser nor as a mail program does: a program.
//!
//! No description at all is no program: people may keep it to themselves.
//!
//! The test `tests/it/tracking/machines.rs` tries the rules on public collections of both kinds.

/// What proxies say that load a picture for somebody who opens a mail.
const PICTURE_PROXIES: [&str; 2] = ["googleimageproxy", "yahoomailproxy"];

/// What Google's says that loads pictures before anybody opens the mail: a browser of 2015 which
/// nobody uses any more.
const GOOGLE_AHEAD: &str = "chrome/42.0.2311.135 safari/537.36 edge/12.246 mozilla/5.0";

/// What Apple's Mail Privacy Protection says.
const APPLE_AHEAD: &str = "mozilla/5.0";

/// Words that programs call themselves by, and names of mail filters that follow links. Only of
/// those that begin like a browser: others are programs anyway.
const PROGRAM_WORDS: [&str; 30] = [
    "barracuda",
    "bot",
    "checker",
    "crawl",
    "crawler",
    "curl",
    "facebookexternalhit",
    "forcepoint",
    "headless",
    "httpclient",
    "inspector",
    "lighthouse",
    "linkcheck",
    "mimecast",
    "monitor",
    "phantomjs",
    "playwright",
    "preview",
    "proofpoint",
    "ptst",
    "puppeteer",
    "python",
    "scanner",
    "scraper",
    "selenium",
    "slurp",
    "spider",
    "synthetics",
    "validator",
    "zgrab",
];

/// What names of programs hold that are no words of letters alone.
const PROGRAM_PARTS: [&str; 2] = ["google-", "whatsapp/"];

/// Devices whose names end with such a word.
const DEVICES: [&str; 1] = ["cubot"];

/// How those begin who name their place in the web.
const WEB_ADDRESSES: [&str; 3] = ["http://", "https://", "www."];

/// How descriptions of browsers, of mail programs, and of the systems that fetch for them begin.
const PEOPLES_PROGRAMS: [&str; 22] = [
    "mozilla",
    "opera",
    "blackberry",
    "nokia",
    "samsung",
    "sonyericsson",
    "ucweb",
    "dalvik",
    "mail/",
    "outlook",
    "microsoft",
    "thunderbird",
    "airmail",
    "spark/",
    "bluemail",
    "k-9",
    "fairemail",
    "evolution",
    "kmail",
    "mutt",
    "lotus-notes",
    "emclient",
];

/// Whether a mailbox's proxy asks, for somebody who opens a mail.
pub(super) fn is_picture_proxy(description: &str) -> bool {
    PICTURE_PROXIES
        .iter()
        .any(|proxy| description.contains(proxy))
}

/// Whether a description, in lower case, is a program's.
pub(super) fn is_machine(description: &str) -> bool {
    let has = |words: &[&str]| words.iter().any(|word| description.contains(word));
    if description.is_empty() || is_picture_proxy(description) {
        return false;
    }
    description == APPLE_AHEAD
        || description.ends_with(GOOGLE_AHEAD)
        || calls_itself_a_program(description)
        || has(&PROGRAM_PARTS)
        || has(&WEB_ADDRESSES)
        || is_compatible_only(description)
        || !(PEOPLES_PROGRAMS
            .iter()
            .any(|program| description.starts_with(program))
            // Fetches for apps on Apple's systems, with the app's name in front.
            || description.contains("cfnetwork"))
}

/// Whether one of its words begins or ends with one that programs call themselves by.
fn calls_itself_a_program(description: &str) -> bool {
    description
        .split(|c: char| !c.is_ascii_alphabetic())
        .filter(|name| !DEVICES.contains(name))
        .any(|name| {
            PROGRAM_WORDS
                .iter()
                .any(|word| name.starts_with(word) || name.ends_with(word))
        })
}

/// Whether it says what it is compatible with, and is no browser that did so.
fn is_compatible_only(description: &str) -> bool {
    let Some((_, name)) = description.split_once("(compatible; ") else {
        return false;
    };
    description.starts_with("mozilla/")
        && !["msie", "konqueror"]
            .iter()
            .any(|browser| name.starts_with(browser))
}

#[cfg(test)]
mod tests {
    use super::is_machine;

    #[test]
    fn each_rule_knows_its_programs() {
        for program in [
            "mozilla/5.0",
            "mozilla/5.0 (windows nt 10.0; win64; x64) applewebkit/537.36 (khtml, like gecko) \
             chrome/42.0.2311.135 safari/537.36 edge/12.246 mozilla/5.0",
            "curl/8.1",
            "barracuda sentinel (ee)",
            "mozilla/5.0 (windows nt 10.0) chrome/130 (+https://example.org/why)",
            "mozilla/5.0 (compatible; something)",
            "somethingnew/1.0",
            "mozilla/5.0 (linux; android 14; pixel 8) applewebkit/537.36 (compatible; googlebot/2.1)",
            "mozilla/5.0 (x11; linux x86_64) applewebkit/537.36 headlesschrome/120.0 safari/537.36",
            "mozilla/5.0 (windows nt 10.0) chrome/130 safari/537.36 linkcheck 2",
        ] {
            assert!(is_machine(program), "{program}");
        }
    }

    #[test]
    fn people_are_people() {
        for person in [
            "",
            "mozilla/5.0 (windows nt 5.1; rv:11.0) gecko firefox/11.0 (via ggpht.com googleimageproxy)",
            "yahoomailproxy; https://help.yahoo.com/kb/yahoo-mail-proxy-sln28749.html",
            "mozilla/4.0 (compatible; msie 7.0; windows nt 10.0; trident/7.0; microsoft outlook 16.0)",
            "mozilla/5.0 (macintosh; intel mac os x 10_15_7) applewebkit/605.1.15 (khtml, like gecko)",
            "mozilla/5.0 (x11; linux x86_64; rv:128.0) gecko/20100101 thunderbird/128.5.0",
            "outlook-ios/2.0",
            "mobilemail/3826 cfnetwork/1568 darwin/24.0.0",
            // The letters of a program's word inside other names.
            "mozilla/5.0 (linux; android 13; cubot note 40) applewebkit/537.36 chrome/120.0 mobile safari/537.36",
            "mozilla/5.0 (linux; android 7.0; tp-link neffos c5a) applewebkit/537.36 chrome/80.0 mobile safari/537.36",
            "mozilla/5.0 (iphone; cpu iphone os 17_5 like mac os x) applewebkit/605.1.15 mobile/15e148 [linkedinapp]/9.30",
            "mozilla/5.0 (linux; arm; android 13) applewebkit/537.36 chrome/124.0 yabrowser/24.4 yandexsearch/24.40 mobile safari/537.36",
            "mozilla/5.0 (iphone; cpu iphone os 17_5 like mac os x) applewebkit/605.1.15 mobile/15e148 naver(inapp; search; 1290; 12.9.4)",
            "mozilla/5.0 (windows nt 6.1; wow64; embedded) applewebkit/537.36 chrome/109.0 safari/537.36",
            "mozilla/5.0 (linux; android 12; archos t101) applewebkit/537.36 chrome/120.0 safari/537.36",
        ] {
            assert!(!is_machine(person), "{person}");
        }
    }
}
