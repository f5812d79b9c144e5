//! Names that are markup: on every page they are shown as what they are, and nothing else.

use actix_web::http::Method;
use scraper::{Html, Selector};
use widerspruch::db::models::mailings::{self, Content};
use widerspruch::db::models::{accounts, groups, recipients};
use widerspruch::domain::address::EmailAddress;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::Decision;
use widerspruch::routes::entries;
use widerspruch::tracking::token::{PersonalLink, PersonalToken};

use crate::support::agent::{Agent, Answer};
use crate::support::{World, on_both};

const HOSTILE: &str = "Q'\"><xss-probe onprobe=1>&amp;{{7*7}}</title></textarea></script>";

/// The page shows the hostile name as text and has no markup of it.
fn assert_tame(path: &str, answer: &Answer) -> usize {
    let html = answer.html();
    let page = Html::parse_document(&html);
    let probe = Selector::parse("xss-probe, [onprobe]").expect("a selector");
    assert_eq!(page.select(&probe).count(), 0, "{path}: {html}");
    assert!(!html.contains("Q'\"><xss"), "{path}: {html}");
    html.matches("xss-probe").count()
}

/// An account in which everything that can have a name has a hostile one.
fn hostile_account(world: &World) -> (i64, i64, i64, i64) {
    let (account, now) = (world.account_id, Timestamp::now());
    world.write(|conn| {
        accounts::rename(conn, account, HOSTILE)?;
        diesel::RunQueryDsl::execute(
            diesel::sql_query(format!(
                "UPDATE users SET name = '{}'",
                HOSTILE.replace('\'', "''")
            )),
            conn,
        )?;
        Ok(())
    });
    let group = world.write(|conn| groups::create(conn, account, HOSTILE, now));
    let person = world.write(|conn| {
        let address = EmailAddress::parse("anna@example.org").expect("an address");
        let mut fields = serde_json::Map::new();
        fields.insert(HOSTILE.to_owned(), HOSTILE.into());
        let new = recipients::NewRecipient {
            address: &address,
            first_name: HOSTILE,
            last_name: HOSTILE,
            fields: &fields,
            tracking: None,
            unsubscribed: None,
        };
        let id = recipients::create(conn, account, &new, now)?;
        groups::add_members(conn, account, group, &[id], now)?;
        Ok(id)
    });
    let sent = world.make_sent_mailing(HOSTILE, 1);
    let key = world.deliver(sent, person, Decision::Personal);
    assert_eq!(world.visitor().get(&world.pixel(sent, key)).status, 200);
    let draft = world.write(|conn| {
        let content = Content {
            subject: HOSTILE,
            sender_name: HOSTILE,
            sender_address: "post@example.org",
            html: "<p>Hallo {{ vorname }} <a href='{{ unbekannt }}'>x</a></p>",
            mjml: "",
            text: HOSTILE,
            groups: &[group],
        };
        mailings::create(conn, account, &content, now)
    });
    (person, group, sent, draft)
}

/// A file whose name, columns and cells are hostile, as it is shown before it is read.
fn hostile_import(admin: &Agent) -> i64 {
    let quoted = HOSTILE.replace('"', "\"\"");
    let body = format!(
        "--xxxx\r\nContent-Disposition: form-data; name=\"datei\"; filename=\"{}.csv\"\r\n\r\n\
         E-Mail;\"{quoted}\"\r\nx@example.org;\"{quoted}\"\r\n\"{quoted}\";y\r\n\r\n--xxxx--\r\n",
        HOSTILE.replace('"', "\\\"")
    );
    let answer = admin.post_body(
        "/empfaenger/import",
        "multipart/form-data; boundary=xxxx",
        body.as_bytes(),
    );
    assert_eq!(answer.status, 303, "{}", answer.text());
    let page = answer.location().expect("a page");
    assert!(assert_tame(&page, &admin.visit(&page)) > 0, "the control");
    let id = page.rsplit('/').next().and_then(|id| id.parse().ok());
    id.expect("a number")
}

on_both!(a_name_never_becomes_markup, |world| {
    let (person, group, sent, draft) = hostile_account(world);
    let admin = world.admin();
    let import = hostile_import(&admin);
    let mut shown = 0;
    for entry in entries() {
        if entry.method != Method::GET || entry.path.contains("{token}") {
            continue;
        }
        let id = match entry.path.split('/').nth(1).unwrap_or_default() {
            _ if entry.path.starts_with("/empfaenger/import/") => import,
            "empfaenger" => person,
            "gruppen" => group,
            "e-mailings" => draft,
            "analysen" => sent,
            _ => 1,
        };
        let path = entry.path.replace("{id}", &id.to_string());
        let answer = admin.get(&path);
        assert!(answer.status < 500, "{path}: {}", answer.text());
        if answer
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("text/html"))
        {
            shown += assert_tame(&path, &answer);
        }
    }
    assert!(shown > 60, "the control: it is shown {shown} times");

    let needle: String = url::form_urlencoded::byte_serialize(HOSTILE.as_bytes()).collect();
    for path in [
        format!("/empfaenger/suche?q={needle}"),
        format!("/empfaenger?gruppe={group}&status=active&widerspruch={needle}"),
        format!("/empfaenger?tracking={needle}"),
        format!("/empfaenger/neu?email={needle}"),
        format!("/anmelden?weiter={needle}&meldung={needle}"),
        format!("/e-mailings/{sent}"),
        format!("/e-mailings/{sent}/vorschau"),
        format!("/empfaenger/loeschen?id={person}"),
        format!("/gibt-es-nicht/{needle}"),
    ] {
        assert_tame(&path, &admin.get(&path));
    }
    let everything_wrong = [
        ("email", HOSTILE),
        ("vorname", HOSTILE),
        ("feld", HOSTILE),
        ("wert", HOSTILE),
        ("neues-feld", HOSTILE),
        ("subject", HOSTILE),
        ("sender_address", HOSTILE),
        ("html", HOSTILE),
        ("name", HOSTILE),
        ("password", HOSTILE),
        ("next", HOSTILE),
    ];
    for path in ["/empfaenger/neu", "/e-mailings", "/anmelden", "/gruppen"] {
        let answer = admin.post(path, &everything_wrong);
        assert!(answer.status < 500, "{path}");
        assert_tame(path, &answer);
    }

    // What a recipient sees.
    let recipient = world.read(|conn| recipients::find(conn, world.account_id, person));
    for (link, at) in [
        (PersonalLink::Unsubscribe, "/abmelden/"),
        (PersonalLink::Preferences, "/datenschutz/"),
    ] {
        let token = PersonalToken {
            mailing_id: sent,
            recipient_key: recipient.public_key.clone().try_into().expect("16 bytes"),
        };
        let path = format!("{at}{}", world.state.tokens.personal(link, token));
        let answer = world.visitor().visit(&path);
        assert!(assert_tame(&path, &answer) > 0, "the control");
    }

    // What remains of a deletion.
    let receipt = admin.submit(&format!("/empfaenger/{person}/loeschen"), &[]);
    assert!(assert_tame("the receipt", &receipt) > 0, "the control");
});

on_both!(a_name_never_becomes_a_formula, |world| {
    let (account, now) = (world.account_id, Timestamp::now());
    let formula = "=HYPERLINK(\"https://evil.example\";\"x\")";
    let person = world.write(|conn| {
        let address = EmailAddress::parse("\"=cmd\"@example.org")
            .or_else(|_| EmailAddress::parse("=cmd@example.org"))
            .expect("an address");
        let new = recipients::NewRecipient {
            address: &address,
            first_name: formula,
            last_name: "+1",
            fields: &serde_json::Map::new(),
            tracking: None,
            unsubscribed: None,
        };
        recipients::create(conn, account, &new, now)
    });
    let sent = world.make_sent_mailing(formula, 1);
    world.deliver(sent, person, Decision::Personal);
    let admin = world.admin();
    for file in ["kennzahlen.csv", "aktivitaet.csv"] {
        let answer = admin.visit(&format!("/analysen/{sent}/{file}"));
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(b';')
            .from_reader(answer.body.as_slice());
        let mut guarded = 0;
        for row in reader.records() {
            for cell in &row.expect("a row") {
                assert!(
                    !cell.starts_with(['=', '+', '-', '@', '\t', '\r']),
                    "{cell}"
                );
                guarded += usize::from(cell.starts_with("'="));
            }
        }
        assert!(guarded > 0, "{file}: the control");
    }
});

on_both!(signing_in_leads_nowhere_else, |world| {
    use crate::support::world::{ADMIN, PASSWORD};
    for next in [
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        " //evil.example",
        "/%0d%0aSet-Cookie:x=y/..//evil.example",
        "/\r\nLocation: https://evil.example",
        "http:evil.example",
        "evil.example",
    ] {
        let answer = world.visitor().post(
            "/anmelden",
            &[("email", ADMIN), ("password", PASSWORD), ("next", next)],
        );
        assert_eq!(answer.status, 303, "{next:?}");
        let location = answer.location().expect("a location");
        let base = url::Url::parse(&world.url).expect("an address");
        let target = base.join(&location).expect("an address");
        assert_eq!(
            target.origin(),
            base.origin(),
            "{next:?} leads to {location}"
        );
        assert!(
            !location.contains("evil.example") || location.starts_with("/%0d"),
            "{location}"
        );
    }
});
