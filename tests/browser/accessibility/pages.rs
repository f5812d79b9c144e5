//! The pages there are, with something on them, with nothing, and with mistakes in their forms.

use widerspruch::db::models::recipients;
use widerspruch::tracking::token::{PersonalLink, PersonalToken};
use widerspruch::web::help::topics::TOPICS;

use super::furniture::{Furniture, LONG_WORD, Links, SigningUp, Users, furnish, number};
use super::states::States;
use crate::support::World;

/// A page as somebody comes to it.
#[derive(Clone)]
pub struct Shown {
    pub path: String,
    /// A part of its heading.
    pub heading: &'static str,
    /// A button that is pressed first.
    pub press: Option<&'static str>,
}

impl Shown {
    pub fn at(path: &str, heading: &'static str) -> Self {
        Self {
            path: path.to_owned(),
            heading,
            press: None,
        }
    }

    /// As it is after that button.
    pub fn after(self, button: &'static str) -> Self {
        Self {
            press: Some(button),
            ..self
        }
    }
}

/// Pages of the signed-in administrator.
pub fn everything(world: &World) -> Vec<Shown> {
    let furniture = furnish(world);
    let Furniture {
        sent,
        broken,
        questionable,
        group,
        active,
        job,
        deletion,
        pseudonymisation,
        mail,
        import_running,
        import_done,
        import_new,
        signing_key,
        ..
    } = &furniture;
    let page = |path: &str, heading| Shown::at(path, heading);
    let below = |of: &str, rest: &str, heading| Shown::at(&format!("{of}{rest}"), heading);
    let mut pages = vec![
        page("/", "Empfänger"),
        page("/e-mailings", "E-Mailings"),
        page("/e-mailings/neu", "Neues E-Mailing"),
        page("/e-mailings/neu", "Neues E-Mailing").after("Speichern"),
        page(sent, "Neues aus der Gärtnerei"),
        page(broken, "Kaputt"),
        page(questionable, "Fragwürdig"),
        below(sent, "/vorschau", "Vorschau"),
        below(broken, "/vorschau", "Vorschau"),
        below(sent, "/vorschau?breite=telefon&q=example", "Vorschau"),
        below(sent, "/vorschau?q=xyzzy", "Vorschau"),
        below(sent, "/testmail", "Testmail"),
        below(sent, "/testmail", "Testmail").after("Testmail senden"),
        below(broken, "/testmail", "Testmail").after("Testmail senden"),
        page("/e-mailings/bilder", "Bilder"),
        page("/e-mailings/bilder", "Bilder").after("Hochladen"),
        below(&furniture.picture, "/loeschen", "Bild löschen"),
        below(broken, "/loeschen", "Entwurf löschen"),
        below(broken, "/senden", "E-Mailing senden"),
        below(questionable, "/senden", "E-Mailing senden"),
        below(questionable, "/senden", "E-Mailing senden").after("Versand planen"),
        page("/empfaenger", "Empfänger"),
        page("/empfaenger?status=bounced", "Empfänger"),
        page("/empfaenger/suche", "Empfänger suchen"),
        page("/empfaenger/suche?q=example", "Empfänger suchen"),
        page("/empfaenger/suche?q=xyzzy", "Empfänger suchen"),
        page("/empfaenger/neu", "Empfänger hinzufügen"),
        page("/empfaenger/neu", "Empfänger hinzufügen").after("Empfänger hinzufügen"),
        page("/empfaenger/import", "importieren"),
        page("/empfaenger/import", "importieren").after("Hochladen"),
        page(import_new, "Spalten zuordnen"),
        page(import_running, "Import läuft"),
        page(import_done, "Import von"),
        page("/gruppen", "Gruppen"),
        page("/gruppen", "Gruppen").after("Gruppe anlegen"),
        page(group, LONG_WORD),
        below(group, "/aufloesen", "Gruppe auflösen"),
        below(
            group,
            "/samt-empfaengern-loeschen",
            "Gruppe samt Empfängern",
        ),
        page(job, "werden gelöscht"),
        page("/belege", "Belege"),
        page(deletion, "Löschung"),
        page(pseudonymisation, "Pseudonymisierung"),
        page("/postausgang", "Postausgang"),
        page("/postausgang/leeren", "Postausgang leeren"),
        page(mail, "Neues aus der Gärtnerei"),
        page("/benutzerkonto", "Benutzerkonto"),
        page("/benutzerkonto/tracking", "Benutzerkonto"),
        page("/benutzerkonto/tracking", "Benutzerkonto").after("Tracking deaktivieren"),
        below(active, "/tracking", "@"),
        page("/benutzerkonto/tracking", "Benutzerkonto").after("Tracking aktivieren"),
        page("/benutzerkonto/protokoll", "Benutzerkonto"),
        page("/benutzerkonto/auftraege", "Aufträge"),
        page("/benutzerkonto/protokoll?bereich=tracking", "Benutzerkonto"),
        page("/benutzerkonto/protokoll?bis=1.1.1990", "Benutzerkonto"),
        page("/benutzerkonto/protokoll?von=gestern", "Benutzerkonto"),
        page("/benutzerkonto/versand", "Benutzerkonto"),
        page("/benutzerkonto/versand", "Benutzerkonto").after("Versand einschalten"),
        page("/benutzerkonto/versand", "Benutzerkonto").after("Verbindung testen"),
        page("/benutzerkonto/versand", "Benutzerkonto").after("Versand ausschalten"),
        page("/benutzerkonto/versand/signatur", "Signatur"),
        page("/benutzerkonto/versand/signatur", "Signatur").after("Schlüssel erzeugen"),
        below(signing_key, "/loeschen", "Schlüssel löschen"),
        page("/benutzerkonto/passwort", "Benutzerkonto"),
        page("/benutzerkonto/passwort", "Benutzerkonto").after("Passwort ändern"),
        page("/empfaenger/4711", "Seite nicht gefunden"),
    ];
    pages.extend(of_consent(world, active));
    pages.extend(of_bounces());
    pages.extend(on_their_way(&furniture.states));
    pages.extend(of_deletion(deletion));
    pages.extend([of_people(&furniture), of_users(world)].concat());
    pages.extend(of_reports(sent));
    pages.extend(of_signing_up(world, &furniture.signup_form));
    pages.extend(of_programs(&furniture.api_key, &furniture.webhook));
    pages.extend(of_help());
    pages
}

/// *Hilfe*, and every topic.
fn of_help() -> Vec<Shown> {
    let topics = TOPICS
        .iter()
        .map(|topic| Shown::at(&format!("/hilfe/{}", topic.word), topic.title));
    [Shown::at("/hilfe", "Hilfe")]
        .into_iter()
        .chain(topics)
        .collect()
}

/// The mode *nur mit Einwilligung*, and back; what is pseudonymised by age; and the evidence of one
/// recipient.
fn of_consent(world: &World, person: &str) -> Vec<Shown> {
    let mode = |to: &str| format!("/benutzerkonto/tracking/modus?auf={to}");
    let record = format!("{person}/tracking/einwilligung");
    let asked = preferences(world, person);
    vec![
        Shown::at(&mode("consent"), "Tracking ändern"),
        Shown::at(&mode("consent"), "Benutzerkonto").after("Nur mit Einwilligung erfassen"),
        Shown::at("/benutzerkonto/tracking", "Benutzerkonto"),
        Shown::at(
            "/benutzerkonto/tracking/vergangenheit",
            "Gesamte Vergangenheit",
        ),
        Shown::at("/benutzerkonto/aufbewahrung", "Benutzerkonto"),
        Shown::at(&format!("{person}/tracking"), "@"),
        Shown::at(&asked, "Datenschutz-Einstellungen"),
        Shown::at("/benutzerkonto/tracking/fragen", "Um Einwilligung bitten"),
        Shown::at("/benutzerkonto/tracking/fragen", "Einwilligung erfragen")
            .after("Gruppe anlegen"),
        Shown::at(&mode("active"), "Tracking ändern"),
        Shown::at(&mode("active"), "Benutzerkonto").after("Alle ohne Widerspruch erfassen"),
        Shown::at(&record, "Einwilligung eintragen"),
        Shown::at(&record, "Einwilligung eintragen").after("Einwilligung eintragen"),
        Shown::at(&format!("{person}/auskunft"), "Auskunft"),
    ]
}

/// *Benutzerkonto → Rückläufer*.
fn of_bounces() -> [Shown; 4] {
    let page = || Shown::at("/benutzerkonto/ruecklaeufer", "Benutzerkonto");
    [
        page(),
        page().after("Verbindung testen"),
        page().after("Jetzt abrufen"),
        Shown::at(
            "/benutzerkonto/ruecklaeufer/absagen",
            "Absagen zurücknehmen",
        ),
    ]
}

/// *Benutzerkonto → Schnittstelle*.
fn of_programs(key: &str, webhook: &str) -> Vec<Shown> {
    let here = "/benutzerkonto/schnittstelle";
    let webhooks = format!("{here}/webhooks");
    vec![
        Shown::at(here, "Benutzerkonto"),
        Shown::at(here, "Benutzerkonto").after("Schlüssel erzeugen"),
        Shown::at(&format!("{key}/widerrufen"), "API-Schlüssel widerrufen"),
        Shown::at(&webhooks, "Webhooks"),
        Shown::at(&webhooks, "Webhooks").after("Webhook einrichten"),
        Shown::at(webhook, "Webhook"),
        Shown::at(&format!("{webhook}/loeschen"), "Webhook löschen"),
        Shown::at(
            &format!("{here}/beschreibung"),
            "Beschreibung der Schnittstelle",
        ),
    ]
}

/// *Löschen nach Liste*, and the letter about a deletion.
fn of_deletion(receipt: &str) -> Vec<Shown> {
    vec![
        Shown::at("/empfaenger/adresse", "Wo kommt diese Adresse"),
        Shown::at("/empfaenger/adresse", "Wo kommt diese Adresse").after("Suchen"),
        Shown::at("/empfaenger/felder", "Felder zusammenführen"),
        Shown::at("/empfaenger/loeschliste", "Löschen nach Liste"),
        Shown::at("/empfaenger/loeschliste", "Löschen nach Liste").after("Prüfen"),
        Shown::at(
            &format!("{receipt}/bestaetigung"),
            "Bestätigung der Löschung",
        ),
    ]
}

/// *Datenschutz-Einstellungen* of that recipient.
fn preferences(world: &World, person: &str) -> String {
    let id = number(person).parse().expect("a number");
    let person = world.read(|conn| recipients::find(conn, world.account_id, id));
    let token = PersonalToken {
        mailing_id: 0,
        recipient_key: person.public_key.try_into().expect("16 bytes"),
    };
    let link = PersonalLink::Preferences;
    format!("/datenschutz/{}", world.state.tokens.personal(link, token))
}

/// Mailings between the draft and the end.
fn on_their_way(states: &States) -> Vec<Shown> {
    let page = |path: &str, heading| Shown::at(path, heading);
    let end = |of: &str| Shown::at(&format!("{of}/abbrechen"), "Versand abbrechen");
    vec![
        page(&states.scheduled, "Geplant"),
        page(&states.preparing, "Vorbereitet"),
        end(&states.preparing),
        page(&states.troubled, "Störung"),
        end(&states.troubled),
        page(&states.paused, "Angehalten"),
        end(&states.paused),
        page(&states.cancelling, "Abbruch"),
        page(&states.cancelled, "Beendet"),
    ]
}

/// The forms to sign up with, as administrators and as people see them.
fn of_signing_up(world: &World, form: &str) -> Vec<Shown> {
    let SigningUp {
        form: public,
        confirmation,
    } = SigningUp::of(world, form);
    vec![
        Shown::at("/anmeldeformulare", "Anmeldeformulare"),
        Shown::at("/anmeldeformulare/neu", "Neues Anmeldeformular"),
        Shown::at("/anmeldeformulare/neu", "Neues Anmeldeformular").after("Formular anlegen"),
        Shown::at(form, "Website"),
        Shown::at(&format!("{form}/loeschen"), "Anmeldeformular löschen"),
        Shown::at(&public, "Gartenbrief"),
        Shown::at(&public, "Gartenbrief").after("Anmelden"),
        Shown::at(
            &format!("{public}/danke"),
            "Bitte bestätigen Sie Ihre Anmeldung",
        ),
        Shown::at(&confirmation, "Anmeldung bestätigen"),
        Shown::at("/bestaetigen/beschaedigt", "Dieser Link gilt nicht mehr"),
        Shown::at("/formular/beschaedigt", "Dieses Formular nimmt keine"),
    ]
}

/// *Analysen*, and those of one mailing.
fn of_reports(sent: &str) -> Vec<Shown> {
    let report = sent.replace("/e-mailings/", "/analysen/");
    let page = |path: &str, heading| Shown::at(path, heading);
    let below = |of: &str, rest: &str, heading| Shown::at(&format!("{of}{rest}"), heading);
    vec![
        page("/analysen", "Analysen"),
        page("/analysen/vergleich", "Vergleich"),
        page("/analysen/vergleich?gruppe=4711", "Vergleich"),
        page(&report, "Neues aus der Gärtnerei"),
        below(&report, "/e-mail", "Neues aus der Gärtnerei"),
        below(&report, "/aktivitaet", "Neues aus der Gärtnerei"),
        below(
            &report,
            "/aktivitaet?aktivitaet=geoeffnet&q=example",
            "Neues aus der Gärtnerei",
        ),
        below(
            &report,
            "/aktivitaet/gruppe?aktivitaet=geoeffnet",
            "Gruppe aus Auswahl",
        ),
        below(
            &report,
            "/aktivitaet/gruppe?aktivitaet=geoeffnet",
            "Gruppe aus Auswahl",
        )
        .after("Gruppe anlegen"),
    ]
}

/// Users of the account, invited ones, and where one is signed in.
fn of_users(world: &World) -> Vec<Shown> {
    const USERS: &str = "/benutzerkonto/benutzer";
    let Users {
        own,
        other,
        invitation,
    } = Users::of(world);
    let invite = format!("{USERS}/einladen");
    let revoke = format!("{USERS}/einladungen/{invitation}/zuruecknehmen");
    let page = |path: &str, heading| Shown::at(path, heading);
    vec![
        page(USERS, "Benutzerkonto"),
        page(USERS, "Einladung").after("Neuer Link"),
        page(&invite, "Benutzer einladen"),
        page(&invite, "Benutzer einladen").after("Einladen"),
        page(&revoke, "Einladung zurücknehmen"),
        page(&format!("{USERS}/{own}"), "Eva Admin"),
        page(&format!("{USERS}/{own}/entfernen"), "Benutzer entfernen"),
        page(&format!("{USERS}/{other}"), "Max"),
        page(&format!("{USERS}/{other}"), "Neues Passwort")
            .after("Link für ein neues Passwort erzeugen"),
        page(&format!("{USERS}/{other}/entfernen"), "Benutzer entfernen"),
        page(
            &format!("{USERS}/{other}/zweiter-faktor"),
            "Zweiten Faktor zurücksetzen",
        ),
        page("/benutzerkonto/anmeldungen", "Benutzerkonto"),
    ]
}

/// The pages of single recipients.
fn of_people(furniture: &Furniture) -> Vec<Shown> {
    let Furniture {
        active,
        objected,
        self_objected,
        ..
    } = furniture;
    let page = |path: &str, heading| Shown::at(path, heading);
    let below = |of: &str, rest: &str, heading| Shown::at(&format!("{of}{rest}"), heading);
    let mut pages = vec![
        page("/empfaenger/loeschwuensche", "Löschwünsche"),
        below(
            self_objected,
            "/loeschwunsch/ablehnen",
            "Löschwunsch ablehnen",
        ),
        below(
            self_objected,
            "/loeschwunsch/ablehnen",
            "Löschwunsch ablehnen",
        )
        .after("Löschwunsch ablehnen"),
    ];
    for person in [active, objected, self_objected] {
        pages.extend([
            page(person, "@"),
            below(person, "/gruppen", "@"),
            below(person, "/tracking", "@"),
            below(person, "/verlauf", "@"),
            below(person, "/loeschen", "Empfänger löschen"),
            below(person, "/tracking/pseudonymisieren", "pseudonymisieren"),
        ]);
    }
    pages.extend([
        below(objected, "/tracking/aufheben", "Widerspruch aufheben"),
        below(self_objected, "/tracking/aufheben", "Widerspruch aufheben"),
        below(self_objected, "/tracking/aufheben", "Widerspruch aufheben")
            .after("Tracking wieder aktivieren"),
    ]);
    let (one, other) = (number(active), number(objected));
    pages.push(page(
        &format!("/empfaenger/loeschen?id={one}&id={other}"),
        "löschen",
    ));
    pages
}

/// Pages of an administrator who has just begun.
pub fn nothing_yet() -> Vec<Shown> {
    [
        ("/e-mailings", "E-Mailings"),
        ("/e-mailings/neu", "Neues E-Mailing"),
        ("/e-mailings/bilder", "Bilder"),
        ("/analysen", "Analysen"),
        ("/empfaenger", "Empfänger"),
        ("/gruppen", "Gruppen"),
        ("/belege", "Belege"),
        ("/empfaenger/loeschwuensche", "Löschwünsche"),
        ("/anmeldeformulare", "Anmeldeformulare"),
        ("/anmeldeformulare/neu", "Neues Anmeldeformular"),
        ("/postausgang", "Postausgang"),
        ("/benutzerkonto/versand", "Benutzerkonto"),
        ("/benutzerkonto/versand/signatur", "Signatur"),
        ("/benutzerkonto/schnittstelle", "Benutzerkonto"),
        ("/benutzerkonto/schnittstelle/webhooks", "Webhooks"),
    ]
    .map(|(path, heading)| Shown::at(path, heading))
    .to_vec()
}

/// *Zwei-Faktor-Anmeldung* of somebody who has none.
pub fn without_second_factor() -> Vec<Shown> {
    const HERE: &str = "/benutzerkonto/zwei-faktor";
    const SET_UP: &str = "/benutzerkonto/zwei-faktor/einrichten";
    vec![
        Shown::at(HERE, "Benutzerkonto"),
        Shown::at(HERE, "Zweiten Faktor einrichten").after("Einrichten"),
        Shown::at(SET_UP, "Zweiten Faktor einrichten"),
        Shown::at(SET_UP, "Zweiten Faktor einrichten").after("Einschalten"),
    ]
}

/// The same of somebody who has one.
pub fn with_second_factor() -> Vec<Shown> {
    const RENEW: &str = "/benutzerkonto/zwei-faktor/codes";
    const OFF: &str = "/benutzerkonto/zwei-faktor/ausschalten";
    vec![
        Shown::at("/benutzerkonto/zwei-faktor", "Benutzerkonto"),
        Shown::at("/benutzerkonto/benutzer", "Benutzerkonto").after("Von allen verlangen"),
        Shown::at(RENEW, "Neue Wiederherstellungscodes"),
        Shown::at(RENEW, "Neue Wiederherstellungscodes").after("Neue Codes erzeugen"),
        Shown::at(OFF, "Zweiten Faktor ausschalten"),
        Shown::at(OFF, "Zweiten Faktor ausschalten").after("Zweiten Faktor ausschalten"),
    ]
}

/// Pages that need nobody to be signed in.
pub fn for_everybody(links: &Links) -> Vec<Shown> {
    const OBJECTION: &str = "Datenschutz-Einstellungen";
    let own_data = format!("{}/daten", links.objection);
    vec![
        Shown::at("/anmelden", "Anmelden"),
        Shown::at("/anmelden", "Anmelden").after("Anmelden"),
        Shown::at("/passwort-vergessen", "Passwort vergessen"),
        Shown::at("/passwort-vergessen", "Passwort vergessen").after("Link anfordern"),
        Shown::at("/passwort-vergessen/gesendet", "Sehen Sie in Ihr Postfach"),
        Shown::at(&links.invitation, "Einladung annehmen"),
        Shown::at(&links.invitation, "Einladung annehmen").after("Einladung annehmen"),
        Shown::at("/einladung/beschaedigt", "Dieser Link gilt nicht mehr"),
        Shown::at(&links.password, "Neues Passwort"),
        Shown::at(&links.password, "Neues Passwort").after("Passwort speichern"),
        Shown::at("/gibt/es/nicht", "Seite nicht gefunden"),
        Shown::at("/k/beschaedigt", "Dieser Link"),
        Shown::at("/abmelden/beschaedigt", "Dieser Link"),
        Shown::at(&links.objection, OBJECTION),
        Shown::at(&links.objection, OBJECTION).after("Widersprechen"),
        Shown::at(&own_data, "Ihre Daten"),
        Shown::at(&links.objection, OBJECTION).after("Um Löschung bitten"),
        Shown::at(&links.unsubscription, "Abmelden"),
        Shown::at(&links.unsubscription, "Abmelden").after("Abmelden"),
    ]
}
