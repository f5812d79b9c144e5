//! From signing up to saying no: a person fills in a form, confirms in the mail, receives a
//! mailing, and objects on a phone; the *Analyse* shows no more of that person. All mails go over
//! a mail server.

use std::time::Duration;

use widerspruch::db::models::{groups, recipients};
use widerspruch::domain::time::Timestamp;
use widerspruch::mail::read::{ReadMail, read};
use widerspruch::signup::stamp;

use crate::chrome::View;
use crate::person::Person;
use crate::procedures::walk;
use crate::support::python::SmtpServer;
use crate::support::{On, World, eventually};

const PHONE: View = View {
    width: 390,
    dark: false,
};
const DESKTOP: View = View {
    width: 1280,
    dark: false,
};

/// The path of the first link with that in it, in a text of a mail.
fn path_in(text: &str, part: &str) -> String {
    let at = text.find(part).expect("the link");
    let rest = &text[at..];
    let end = rest.find(|c: char| c.is_whitespace() || c == '"');
    rest[..end.unwrap_or(rest.len())].to_owned()
}

/// The next mail that the server takes, which is for her.
fn mail_to_anna(server: &SmtpServer) -> ReadMail {
    let taken = server.next_mail();
    assert_eq!(taken.to, ["anna@example.org"]);
    read(&taken.message).expect("a mail")
}

/// The condition of the database that something slow comes to.
fn wait_for(world: &World, table: &str, condition: &str) {
    let what = format!("{table}: {condition}");
    eventually(&what, || world.rows(table, condition), |rows| *rows > 0);
}

/// An administrator makes a form; gives its path.
async fn make_form(person: &Person) -> String {
    person.look(DESKTOP).await;
    person.follow("Empfänger").await;
    person.follow("Anmeldeformulare").await;
    person.follow("Neues Anmeldeformular").await;
    person.choose("Gruppe", "Leserschaft").await;
    person.press("Formular anlegen").await;
    person.sees("Formular angelegt.").await;
    path_in(&person.text().await, "/formular/")
}

/// Somebody signs up and confirms, on a phone.
async fn sign_up(person: &Person, server: &SmtpServer, form: &str) {
    person.look(PHONE).await;
    person.open(form).await;
    person.fill("E-Mail-Adresse", "anna@example.org").await;
    person.fill("Vorname", "Anna").await;
    assert!(!person.is_ticked("Muster GmbH darf auswerten").await);
    person.tick("Muster GmbH darf auswerten").await;
    // Whoever is quicker than a person is asked once more.
    tokio::time::sleep(Duration::from_millis(stamp::LEAST.unsigned_abs())).await;
    person.press("Anmelden").await;
    person.sees("Fast geschafft").await;
    let question = mail_to_anna(server).text.expect("a text");
    person.open(&path_in(&question, "/bestaetigen/")).await;
    person.press("Anmeldung bestätigen").await;
    person.sees("Ihre Anmeldung ist bestätigt.").await;
    person.sees("Leserschaft").await;
}

/// Sends a draft, and gives the content of the mail to her.
fn send(world: &World, server: &SmtpServer, draft: &str, measured: &str) -> String {
    world.admin().submit(&format!("{draft}/senden"), &[]);
    let sent = format!("status = 'sent' AND handed_{measured} = 1");
    wait_for(world, "mailings", &sent);
    mail_to_anna(server).html.expect("HTML")
}

/// Where a redirect led, without its message.
fn path_of(location: Option<String>) -> String {
    let location = location.expect("a redirect");
    location.split('?').next().expect("a path").to_owned()
}

async fn from_signing_up_to_objecting(person: &Person, world: &World, _: bool) {
    let account = world.account_id;
    let group = world.write(|conn| groups::create(conn, account, "Leserschaft", Timestamp::now()));
    let server = SmtpServer::start::<&str>(&[]);
    world.send_through(server.port, 1, 0);
    let admin = world.admin();
    let form = make_form(person).await;
    sign_up(person, &server, &form).await;

    // A mailing goes out; she opens it.
    let draft = [
        ("subject", "Gartenbrief"),
        ("sender_name", "Muster GmbH"),
        ("sender_address", "post@example.org"),
        (
            "html",
            "<p>Hallo</p><a href=\"https://shop.example/\">Laden</a>",
        ),
        ("text", ""),
        ("groups", &group.to_string()),
    ];
    let first = path_of(admin.post("/e-mailings", &draft).location());
    let content = send(world, &server, &first, "personal");
    let (pixel, click) = (path_in(&content, "/o/"), path_in(&content, "/k/"));
    let visitor = world.visitor();
    visitor.get(&pixel);
    let opened = |mailing: &str| {
        let report = mailing.replace("/e-mailings/", "/analysen/");
        admin.visit(&format!("{report}/aktivitaet?aktivitaet=geoeffnet"))
    };
    opened(&first).assert_says("anna@example.org");

    // She says no, on a phone, from the mail.
    person.open(&path_in(&content, "/datenschutz/")).await;
    person.sees_heading("Datenschutz-Einstellungen").await;
    person.press("Widersprechen").await;
    person.sees("Sie haben widersprochen.").await;
    let too_wide = person
        .run("return document.documentElement.scrollWidth > document.documentElement.clientWidth;")
        .await;
    assert_eq!(too_wide, false, "nothing to push sideways");
    person.follow("Meine Daten ansehen").await;
    person.sees_heading("Ihre Daten").await;
    person.sees("Gartenbrief").await;

    // From the mail that is there already, nothing more is known of her.
    visitor.get(&pixel);
    visitor.get(&click);
    assert_eq!(world.rows("deliveries", "opens = 1 AND clicks = 0"), 1);
    assert_eq!(world.rows("events", "n = 1 AND kind = 0"), 1);
    assert_eq!(world.rows("events", "1 = 1"), 1);

    // Nor from the next one, whatever she does with it.
    let second = path_of(admin.post(&format!("{first}/kopieren"), &[]).location());
    let content = send(world, &server, &second, "anonymous");
    visitor.get(&path_in(&content, "/o/"));
    visitor.get(&path_in(&content, "/k/"));
    opened(&second).assert_silent_about("anna@example.org");
    assert_eq!(world.rows("events", "1 = 1"), 1);

    server.assert_nothing_more();

    // In the Analyse nothing is seen of her but that she got the mail, and who said so.
    person.look(DESKTOP).await;
    person
        .open(&second.replace("/e-mailings/", "/analysen/"))
        .await;
    person.sees("Öffnungsrate").await;
    person.follow("Empfängeraktivität").await;
    person.sees_heading("Gartenbrief").await;
    person.sees("ohne personenbezogenes Tracking").await;
    person.choose("Wer hat", "Geöffnet").await;
    person.press("Anzeigen").await;
    person
        .sees("Zu dieser Auswahl gibt es keine Empfänger.")
        .await;
    assert!(!person.text().await.contains("anna@example.org"));
    let anna = world.read(|conn| recipients::find_by_address(conn, account, "anna@example.org"));
    let page = format!("/empfaenger/{}/tracking", anna.expect("Anna").id);
    person.open(&page).await;
    person.sees("Quelle: Empfänger selbst").await;
    assert!(person.is_ticked("Tracking deaktiviert").await);
}

#[test]
fn from_signing_up_to_objecting_on_sqlite() {
    walk(On::Sqlite, from_signing_up_to_objecting);
}

#[test]
fn from_signing_up_to_objecting_on_postgres() {
    walk(On::Postgres, from_signing_up_to_objecting);
}
