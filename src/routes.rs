//! The only table of addresses: method, path, who may come, handler; one line each.

use actix_web::dev::ResourceDef;
use actix_web::guard as only;
use actix_web::http::Method;
use actix_web::http::header::ALLOW;
use actix_web::middleware::from_fn;
use actix_web::web::{self, ServiceConfig};
use actix_web::{Handler, HttpRequest, HttpResponse, Responder, Route};

use crate::domain::role::Role::{self, Admin, Mailings, Recipients, Reports, Sending};
use crate::domain::scope::Scope::{
    self, DeleteRecipients, ReadMailings, ReadRecipients, ReadReports, WriteRecipients,
    WriteTracking,
};
use crate::web::access::{Access, guard};
use crate::web::kept::keep;
use crate::web::session::store::{SessionLayer, explain_failure};
use crate::web::{
    account, api, assets, demo, groups, help, home, imports, mailings, measures, outbox, pictures,
    public, receipts, recipients, reports, session, setup, signup_forms,
};

const EVERYBODY: Access = Access::Everybody;
const SIGNING_IN: Access = Access::SigningIn;
const TOKEN: Access = Access::Token;
const LINK: Access = Access::Link;
const FORM: Access = Access::PublicForm;
const SIGNED_IN: Access = Access::SignedIn;
const ANY_KEY: Access = Access::AnyKey;
/// Mailings, and the mails in the outbox, are for those who write and those who send.
const MAILS: Access = Access::AnyOf(&[Mailings, Sending]);
/// Whoever reads reports may not therefore enter people into groups.
const GROUPING: Access = Access::AllOf(&[Reports, Recipients]);
const fn key(scope: Scope) -> Access {
    Access::Key(scope)
}
const fn role(role: Role) -> Access {
    Access::Role(role)
}

/// Enters every route of the product.
#[rustfmt::skip]
#[allow(clippy::too_many_lines, reason = "one table, one line each")]
pub fn all(table: &mut Table<'_>) {
    for_people(table);
    for_programs(table);

    // Coming in and going out.
    table.get ("/static/{path:.*}",                     EVERYBODY,       assets::show);
    table.get ("/einrichtung/{key}",                    EVERYBODY,       setup::new);
    table.post("/einrichtung/{key}",                    SIGNING_IN,      setup::create);
    table.post("/einrichtung/{key}/beispiel",           SIGNING_IN,      demo::create);
    table.get ("/beispielkonto",                        SIGNED_IN,       demo::show);
    table.get ("/beispielkonto/stand",                  SIGNED_IN,       demo::progress);
    table.get ("/anmelden",                             EVERYBODY,       session::new);
    table.post("/anmelden",                             SIGNING_IN,      session::create);
    table.get ("/anmelden/code",                        SIGNING_IN,      session::second_step::new);
    table.post("/anmelden/code",                        SIGNING_IN,      session::second_step::create);
    table.post("/abmelden-sitzung",                     SIGNED_IN,       session::destroy);
    table.get ("/einladung/{token}",                    LINK,            session::invitation::show);
    table.post("/einladung/{token}",                    LINK,            session::invitation::create);
    table.get ("/passwort-vergessen",                   EVERYBODY,       session::forgotten::new);
    table.post("/passwort-vergessen",                   EVERYBODY,       session::forgotten::create);
    table.get ("/passwort-vergessen/gesendet",          EVERYBODY,       session::forgotten::sent);
    table.get ("/passwort/{token}",                     LINK,            session::forgotten::edit);
    table.post("/passwort/{token}",                     LINK,            session::forgotten::update);
    table.get ("/",                                     SIGNED_IN,       home::show);
    table.get ("/hilfe",                                SIGNED_IN,       help::index);
    table.get ("/hilfe/{topic}",                        SIGNED_IN,       help::show);

    // Empfänger. Those addresses that are words stand before the ones of a single recipient.
    table.get ("/empfaenger",                           role(Recipients), recipients::list::show);
    table.get ("/empfaenger/suche",                     role(Recipients), recipients::search::show);
    table.get ("/empfaenger/neu",                       role(Recipients), recipients::new::new);
    table.post("/empfaenger/neu",                       role(Recipients), recipients::new::create);
    table.get ("/empfaenger/loeschen",                  role(Recipients), recipients::bulk::ask);
    table.post("/empfaenger/loeschen",                  role(Recipients), recipients::bulk::destroy);
    table.get ("/empfaenger/loeschwuensche",            role(Recipients), recipients::deletion_requests::list);
    table.get ("/empfaenger/adresse",                   role(Recipients), recipients::whereabouts::new);
    table.post("/empfaenger/adresse",                   role(Recipients), recipients::whereabouts::search);
    table.get ("/empfaenger/loeschliste",               role(Recipients), recipients::deletion_list::new);
    table.post("/empfaenger/loeschliste",               role(Recipients), recipients::deletion_list::create);
    table.post("/empfaenger/loeschliste/{id}",          role(Recipients), recipients::deletion_list::confirm);
    table.get ("/empfaenger/felder",                    role(Admin),      recipients::fields::edit);
    table.post("/empfaenger/felder",                    role(Admin),      recipients::fields::update);
    table.get ("/empfaenger/import",                    role(Recipients), imports::index);
    table.post("/empfaenger/import",                    role(Recipients), imports::upload::create);
    table.get ("/empfaenger/import/{id}",               role(Recipients), imports::show);
    table.post("/empfaenger/import/{id}",               role(Recipients), imports::mapping::update);
    table.get ("/empfaenger/import/{id}/stand",         role(Recipients), imports::report::progress);
    table.post("/empfaenger/import/{id}/abbrechen",     role(Recipients), imports::cancel);
    table.get ("/empfaenger/import/{id}/abgelehnt.csv", role(Recipients), imports::report::download);
    table.get ("/empfaenger/{id}",                      role(Recipients), recipients::data::show);
    table.post("/empfaenger/{id}",                      role(Recipients), recipients::data::update);
    table.post("/empfaenger/{id}/abmelden",             role(Recipients), recipients::data::unsubscribe);
    table.post("/empfaenger/{id}/wieder-anmelden",      role(Recipients), recipients::data::resubscribe);
    table.post("/empfaenger/{id}/wieder-zustellen",     role(Recipients), recipients::data::reactivate);
    table.get ("/empfaenger/{id}/gruppen",              role(Recipients), recipients::groups::show);
    table.post("/empfaenger/{id}/gruppen",              role(Recipients), recipients::groups::update);
    table.post("/empfaenger/{id}/gruppen/wieder-aufnehmen", role(Recipients), recipients::groups::readmit);
    table.get ("/empfaenger/{id}/verlauf",              role(Recipients), recipients::history::show);
    table.get ("/empfaenger/{id}/auskunft",             role(Recipients), recipients::disclosure::show);
    table.get ("/empfaenger/{id}/auskunft.json",        role(Recipients), recipients::disclosure::json_file);
    table.get ("/empfaenger/{id}/auskunft.csv",         role(Recipients), recipients::disclosure::csv_file);
    table.get ("/empfaenger/{id}/tracking",             role(Recipients), recipients::tracking::show);
    table.post("/empfaenger/{id}/tracking",             role(Recipients), recipients::tracking::update);
    table.get ("/empfaenger/{id}/tracking/aufheben",    role(Recipients), recipients::tracking::ask_to_lift);
    table.post("/empfaenger/{id}/tracking/aufheben",    role(Recipients), recipients::tracking::lift);
    table.get ("/empfaenger/{id}/tracking/pseudonymisieren", role(Recipients), recipients::tracking::ask_to_pseudonymise);
    table.post("/empfaenger/{id}/tracking/pseudonymisieren", role(Recipients), recipients::tracking::pseudonymise);
    table.get ("/empfaenger/{id}/tracking/einwilligung", role(Recipients), recipients::consent::new);
    table.post("/empfaenger/{id}/tracking/einwilligung", role(Recipients), recipients::consent::create);
    table.get ("/empfaenger/{id}/loeschen",             role(Recipients), recipients::delete::ask);
    table.post("/empfaenger/{id}/loeschen",             role(Recipients), recipients::delete::destroy);
    table.get ("/empfaenger/{id}/loeschwunsch/ablehnen", role(Recipients), recipients::deletion_requests::ask_to_decline);
    table.post("/empfaenger/{id}/loeschwunsch/ablehnen", role(Recipients), recipients::deletion_requests::decline);
    table.get ("/auftraege/{id}",                       role(Recipients), recipients::bulk::progress_page);
    table.get ("/auftraege/{id}/stand",                 role(Recipients), recipients::bulk::progress);
    table.get ("/belege",                               role(Recipients), receipts::list);
    table.get ("/belege/{id}",                          role(Recipients), receipts::show);
    table.get ("/belege/{id}/bestaetigung",             role(Recipients), receipts::letter);
    table.get ("/gruppen",                              role(Recipients), groups::index);
    table.post("/gruppen",                              role(Recipients), groups::create);
    table.get ("/gruppen/{id}",                         role(Recipients), groups::edit);
    table.post("/gruppen/{id}",                         role(Recipients), groups::update);
    table.get ("/gruppen/{id}/aufloesen",               role(Recipients), groups::confirm_dissolve);
    table.post("/gruppen/{id}/aufloesen",               role(Recipients), groups::dissolve);
    table.get ("/gruppen/{id}/samt-empfaengern-loeschen",  role(Recipients), recipients::bulk::ask_for_group);
    table.post("/gruppen/{id}/samt-empfaengern-loeschen",  role(Recipients), recipients::bulk::destroy_group);

    table.get ("/anmeldeformulare",                     role(Recipients), signup_forms::index);
    table.post("/anmeldeformulare",                     role(Recipients), signup_forms::create);
    table.get ("/anmeldeformulare/neu",                 role(Recipients), signup_forms::new);
    table.get ("/anmeldeformulare/{id}",                role(Recipients), signup_forms::edit);
    table.post("/anmeldeformulare/{id}",                role(Recipients), signup_forms::update);
    table.get ("/anmeldeformulare/{id}/loeschen",       role(Recipients), signup_forms::confirm_deletion);
    table.post("/anmeldeformulare/{id}/loeschen",       role(Recipients), signup_forms::destroy);

    // Analysen.
    table.get ("/analysen",                             role(Reports),   reports::index::show);
    table.get ("/analysen/vergleich",                   role(Reports),   reports::comparison::show);
    table.get ("/analysen/{id}",                        role(Reports),   reports::show::show);
    table.get ("/analysen/{id}/kennzahlen.csv",         role(Reports),   reports::download::figures);
    table.get ("/analysen/{id}/e-mail",                 role(Reports),   reports::on_mail::show);
    table.get ("/analysen/{id}/e-mail/inhalt",          role(Reports),   reports::on_mail::content);
    table.get ("/analysen/{id}/aktivitaet",             role(Reports),   reports::activity::show);
    table.get ("/analysen/{id}/aktivitaet/gruppe",      GROUPING,        reports::group::ask);
    table.post("/analysen/{id}/aktivitaet/gruppe",      GROUPING,        reports::group::create);
    table.get ("/analysen/{id}/aktivitaet.csv",         role(Reports),   reports::download::activity);

    // E-Mailings. Reading is for writers and senders.
    table.get ("/e-mailings",                           MAILS,           mailings::index);
    table.post("/e-mailings",                           role(Mailings),  mailings::editor::create);
    table.get ("/e-mailings/neu",                       role(Mailings),  mailings::editor::new);
    table.get ("/e-mailings/bilder",                    role(Mailings),  pictures::index);
    table.post("/e-mailings/bilder",                    role(Mailings),  pictures::create);
    table.get ("/e-mailings/bilder/{id}/loeschen",      role(Mailings),  pictures::confirm_deletion);
    table.post("/e-mailings/bilder/{id}/loeschen",      role(Mailings),  pictures::destroy);
    table.get ("/e-mailings/{id}",                      MAILS,           mailings::show);
    table.post("/e-mailings/{id}",                      role(Mailings),  mailings::editor::update);
    table.get ("/e-mailings/{id}/loeschen",             role(Mailings),  mailings::confirm_deletion);
    table.post("/e-mailings/{id}/loeschen",             role(Mailings),  mailings::destroy);
    table.post("/e-mailings/{id}/kopieren",             role(Mailings),  mailings::copy);
    table.get ("/e-mailings/{id}/vorschau",             MAILS,           mailings::preview::show);
    table.get ("/e-mailings/{id}/vorschau/inhalt",      MAILS,           mailings::preview::content);
    table.get ("/e-mailings/{id}/testmail",             MAILS,           mailings::trial::new);
    table.post("/e-mailings/{id}/testmail",             MAILS,           mailings::trial::create);
    table.get ("/e-mailings/{id}/senden",               role(Sending),   mailings::sending::new);
    table.post("/e-mailings/{id}/senden",               role(Sending),   mailings::sending::create);
    table.post("/e-mailings/{id}/planen",               role(Sending),   mailings::sending::schedule);
    table.post("/e-mailings/{id}/planung-aufheben",     role(Sending),   mailings::sending::unschedule);
    table.post("/e-mailings/{id}/anhalten",             role(Sending),   mailings::sending::pause);
    table.post("/e-mailings/{id}/fortsetzen",           role(Sending),   mailings::sending::resume);
    table.get ("/e-mailings/{id}/abbrechen",            role(Sending),   mailings::sending::confirm_cancelling);
    table.post("/e-mailings/{id}/abbrechen",            role(Sending),   mailings::sending::cancel);
    table.get ("/e-mailings/{id}/stand",                MAILS,           mailings::sending::progress);

    // Postausgang.
    table.get ("/postausgang",                          MAILS,           outbox::index);
    table.get ("/postausgang/leeren",                   role(Sending),   outbox::confirm_emptying);
    table.post("/postausgang/leeren",                   role(Sending),   outbox::empty);
    table.get ("/postausgang/{id}",                     MAILS,           outbox::show);
    table.get ("/postausgang/{id}/inhalt",              MAILS,           outbox::content);
    table.get ("/postausgang/{id}/datei.eml",           MAILS,           outbox::download);

    account_pages(table);
}

/// *Benutzerkonto*.
#[rustfmt::skip]
fn account_pages(table: &mut Table<'_>) {
    table.get ("/benutzerkonto",                        SIGNED_IN,       account::details::show);
    table.post("/benutzerkonto",                        role(Admin),     account::details::update);
    table.get ("/benutzerkonto/tracking",               role(Admin),     account::tracking::show);
    table.post("/benutzerkonto/tracking/deaktivieren",  role(Admin),     account::tracking::destroy);
    table.post("/benutzerkonto/tracking/aktivieren",    role(Admin),     account::tracking::create);
    table.post("/benutzerkonto/tracking/einstellungen", role(Admin),     account::tracking::update_options);
    table.get ("/benutzerkonto/tracking/fragen",        role(Admin),     account::asking::new);
    table.post("/benutzerkonto/tracking/fragen",        role(Admin),     account::asking::create);
    table.get ("/benutzerkonto/tracking/modus",         role(Admin),     account::mode::ask);
    table.post("/benutzerkonto/tracking/modus",         role(Admin),     account::mode::update);
    table.get ("/benutzerkonto/tracking/vergangenheit", role(Admin),     account::retention::ask);
    table.post("/benutzerkonto/tracking/vergangenheit", role(Admin),     account::retention::pseudonymise);
    table.get ("/benutzerkonto/aufbewahrung",           role(Admin),     account::retention::show);
    table.post("/benutzerkonto/aufbewahrung",           role(Admin),     account::retention::update);
    table.post("/benutzerkonto/aufbewahrung/jetzt",     role(Admin),     account::retention::run_now);
    table.get ("/benutzerkonto/versand",                role(Admin),     account::sending::show);
    table.post("/benutzerkonto/versand",                role(Admin),     account::sending::update);
    table.post("/benutzerkonto/versand/einschalten",    role(Admin),     account::sending::switch_on);
    table.post("/benutzerkonto/versand/ausschalten",    role(Admin),     account::sending::switch_off);
    table.post("/benutzerkonto/versand/pruefen",        role(Admin),     account::sending::trial::check);
    table.post("/benutzerkonto/versand/testmail",       role(Admin),     account::sending::trial::send);
    table.get ("/benutzerkonto/versand/signatur",       role(Admin),     account::signing::show);
    table.post("/benutzerkonto/versand/signatur",       role(Admin),     account::signing::create);
    table.post("/benutzerkonto/versand/signatur/{id}/neu",          role(Admin), account::signing::renew);
    table.post("/benutzerkonto/versand/signatur/{id}/aktivieren",   role(Admin), account::signing::activate);
    table.post("/benutzerkonto/versand/signatur/{id}/deaktivieren", role(Admin), account::signing::deactivate);
    table.get ("/benutzerkonto/versand/signatur/{id}/loeschen",     role(Admin), account::signing::confirm_deletion);
    table.post("/benutzerkonto/versand/signatur/{id}/loeschen",     role(Admin), account::signing::destroy);
    table.get ("/benutzerkonto/ruecklaeufer",           role(Admin),     account::bounces::show);
    table.post("/benutzerkonto/ruecklaeufer",           role(Admin),     account::bounces::update);
    table.post("/benutzerkonto/ruecklaeufer/abrufen",   role(Admin),     account::bounces::read);
    table.post("/benutzerkonto/ruecklaeufer/testen",    role(Admin),     account::bounces::test);
    table.post("/benutzerkonto/ruecklaeufer/grenze",    role(Admin),     account::bounces::update_limit);
    table.get ("/benutzerkonto/ruecklaeufer/absagen",   role(Admin),     account::refusals::confirm);
    table.post("/benutzerkonto/ruecklaeufer/absagen",   role(Admin),     account::refusals::destroy);
    table.get ("/benutzerkonto/benutzer",               role(Admin),     account::users::index);
    table.get ("/benutzerkonto/benutzer/einladen",      role(Admin),     account::users::invite::new);
    table.post("/benutzerkonto/benutzer/einladen",      role(Admin),     account::users::invite::create);
    table.post("/benutzerkonto/benutzer/einladungen/{id}/erneut",        role(Admin), account::users::invite::renew);
    table.get ("/benutzerkonto/benutzer/einladungen/{id}/zuruecknehmen", role(Admin), account::users::invite::confirm_revoking);
    table.post("/benutzerkonto/benutzer/einladungen/{id}/zuruecknehmen", role(Admin), account::users::invite::revoke);
    table.post("/benutzerkonto/benutzer/zweiter-faktor", role(Admin),    account::users::second_factor::require);
    table.get ("/benutzerkonto/benutzer/{id}/zweiter-faktor", role(Admin), account::users::second_factor::ask);
    table.post("/benutzerkonto/benutzer/{id}/zweiter-faktor", role(Admin), account::users::second_factor::reset);
    table.get ("/benutzerkonto/benutzer/{id}",          role(Admin),     account::users::edit::show);
    table.post("/benutzerkonto/benutzer/{id}",          role(Admin),     account::users::edit::update);
    table.post("/benutzerkonto/benutzer/{id}/passwort", role(Admin),     account::users::edit::new_password);
    table.get ("/benutzerkonto/benutzer/{id}/entfernen", role(Admin),    account::users::remove::ask);
    table.post("/benutzerkonto/benutzer/{id}/entfernen", role(Admin),    account::users::remove::destroy);
    table.get ("/benutzerkonto/schnittstelle",          role(Admin),     account::api_keys::show);
    table.post("/benutzerkonto/schnittstelle",          role(Admin),     account::api_keys::create);
    table.get ("/benutzerkonto/schnittstelle/beschreibung", role(Admin), account::api_description::show);
    table.get ("/benutzerkonto/schnittstelle/webhooks",          role(Admin), account::webhooks::index);
    table.post("/benutzerkonto/schnittstelle/webhooks",          role(Admin), account::webhooks::create);
    table.get ("/benutzerkonto/schnittstelle/webhooks/{id}",     role(Admin), account::webhooks::show);
    table.post("/benutzerkonto/schnittstelle/webhooks/{id}/testen",       role(Admin), account::webhooks::test);
    table.post("/benutzerkonto/schnittstelle/webhooks/{id}/erneut",       role(Admin), account::webhooks::repeat);
    table.post("/benutzerkonto/schnittstelle/webhooks/{id}/einschalten",  role(Admin), account::webhooks::switch_on);
    table.post("/benutzerkonto/schnittstelle/webhooks/{id}/ausschalten",  role(Admin), account::webhooks::switch_off);
    table.get ("/benutzerkonto/schnittstelle/webhooks/{id}/loeschen",     role(Admin), account::webhooks::confirm_deletion);
    table.post("/benutzerkonto/schnittstelle/webhooks/{id}/loeschen",     role(Admin), account::webhooks::destroy);
    table.get ("/benutzerkonto/schnittstelle/{id}/widerrufen", role(Admin), account::api_keys::ask_to_revoke);
    table.post("/benutzerkonto/schnittstelle/{id}/widerrufen", role(Admin), account::api_keys::revoke);
    table.get ("/benutzerkonto/protokoll",              role(Admin),     account::log::show);
    table.get ("/benutzerkonto/protokoll.csv",          role(Admin),     account::log::download);
    table.post("/benutzerkonto/protokoll/aufbewahrung", role(Admin),     account::log::update_retention);
    table.get ("/benutzerkonto/auftraege",              role(Admin),     account::work::index);
    table.get ("/benutzerkonto/passwort",               SIGNED_IN,       account::password::edit);
    table.post("/benutzerkonto/passwort",               SIGNED_IN,       account::password::update);
    table.get ("/benutzerkonto/zwei-faktor",            SIGNED_IN,       account::second_factor::show);
    table.post("/benutzerkonto/zwei-faktor",            SIGNED_IN,       account::second_factor::create);
    table.get ("/benutzerkonto/zwei-faktor/einrichten", SIGNED_IN,       account::second_factor::set_up);
    table.post("/benutzerkonto/zwei-faktor/einrichten", SIGNED_IN,       account::second_factor::propose);
    table.get ("/benutzerkonto/zwei-faktor/codes",      SIGNED_IN,       account::second_factor::codes::ask_to_renew);
    table.post("/benutzerkonto/zwei-faktor/codes",      SIGNED_IN,       account::second_factor::codes::renew);
    table.get ("/benutzerkonto/zwei-faktor/ausschalten", SIGNED_IN,      account::second_factor::codes::ask_to_switch_off);
    table.post("/benutzerkonto/zwei-faktor/ausschalten", SIGNED_IN,      account::second_factor::codes::switch_off);
    table.get ("/benutzerkonto/anmeldungen",            SIGNED_IN,       account::sign_ins::index);
    table.post("/benutzerkonto/anmeldungen/andere-abmelden", SIGNED_IN,  account::sign_ins::destroy_others);
    table.post("/benutzerkonto/anmeldungen/{id}/abmelden", SIGNED_IN,    account::sign_ins::destroy);
}

/// What people who receive mails, or want to, reach without signing in.
#[rustfmt::skip]
fn for_people(table: &mut Table<'_>) {
    table.get ("/o/{token}.gif",                        TOKEN,           public::pixel::show);
    table.get ("/k/{token}",                            TOKEN,           public::click::follow);

    table.get ("/bilder/{key}",                         TOKEN,           pictures::show);

    table.get ("/abmelden/{token}",                     TOKEN,           public::unsubscribe::show);
    table.post("/abmelden/{token}",                     TOKEN,           public::unsubscribe::create);
    table.get ("/datenschutz/{token}",                  TOKEN,           public::preferences::show);
    table.post("/datenschutz/{token}",                  TOKEN,           public::preferences::tracking::create);
    table.post("/datenschutz/{token}/erlauben",         TOKEN,           public::preferences::tracking::destroy);
    table.post("/datenschutz/{token}/gruppen",          TOKEN,           public::preferences::mailings::leave);
    table.post("/datenschutz/{token}/abmelden",         TOKEN,           public::preferences::mailings::unsubscribe);
    table.get ("/datenschutz/{token}/daten",            TOKEN,           public::preferences::data::show);
    table.get ("/datenschutz/{token}/daten.json",       TOKEN,           public::preferences::data::download);
    table.post("/datenschutz/{token}/loeschwunsch",     TOKEN,           public::preferences::deletion::create);
    table.post("/datenschutz/{token}/loeschwunsch/zuruecknehmen", TOKEN, public::preferences::deletion::destroy);

    table.get ("/formular/{key}",                       FORM,            public::signup::new);
    table.post("/formular/{key}",                       FORM,            public::signup::create);
    table.get ("/formular/{key}/danke",                 FORM,            public::signup::thanks);
    table.get ("/bestaetigen/{token}",                  TOKEN,           public::signup::confirm::show);
    table.post("/bestaetigen/{token}",                  TOKEN,           public::signup::confirm::create);
}

/// What programs reach with a key of the account.
#[rustfmt::skip]
fn for_programs(table: &mut Table<'_>) {
    table.get ("/api/v1/openapi.json",                  EVERYBODY,             api::openapi::show);
    table.get ("/api/v1/key",                           ANY_KEY,               api::key::show);
    table.get ("/api/v1/recipients",                    key(ReadRecipients),   api::recipients::list);
    table.post("/api/v1/recipients",                    key(WriteRecipients),  api::recipients::create);
    table.get ("/api/v1/recipients/{id}",               key(ReadRecipients),   api::recipients::show);
    table.put ("/api/v1/recipients/{id}",               key(WriteRecipients),  api::recipients::update);
    table.patch("/api/v1/recipients/{id}",              key(WriteRecipients),  api::recipient_changes::patch);
    table.delete("/api/v1/recipients/{id}",             key(DeleteRecipients), api::recipients::delete);
    table.get ("/api/v1/recipients/{id}/tracking",      key(ReadRecipients),   api::tracking::show);
    table.put ("/api/v1/recipients/{id}/tracking",      key(WriteTracking),    api::tracking::update);
    table.put ("/api/v1/recipients/{id}/unsubscription", key(WriteRecipients), api::unsubscription::create);
    table.get ("/api/v1/receipts/{id}",                 key(DeleteRecipients), api::receipts::show);
    table.get ("/api/v1/groups",                        key(ReadRecipients),   api::groups::list);
    table.post("/api/v1/groups",                        key(WriteRecipients),  api::groups::create);
    table.get ("/api/v1/groups/{id}",                   key(ReadRecipients),   api::groups::show);
    table.put ("/api/v1/groups/{id}",                   key(WriteRecipients),  api::groups::rename);
    table.delete("/api/v1/groups/{id}",                 key(WriteRecipients),  api::groups::delete);
    table.put ("/api/v1/groups/{id}/members/{recipient}", key(WriteRecipients), api::groups::add_member);
    table.delete("/api/v1/groups/{id}/members/{recipient}", key(WriteRecipients), api::groups::remove_member);
    table.get ("/api/v1/mailings",                      key(ReadMailings),     api::mailings::list);
    table.get ("/api/v1/mailings/{id}",                 key(ReadMailings),     api::mailings::show);
    table.get ("/api/v1/reports/{id}",                  key(ReadReports),      api::reports::show);
}

/// Takes the routes into the application, each behind the guard of its access, and remembers
/// what it took.
pub struct Table<'a> {
    application: Option<(&'a mut ServiceConfig, &'a SessionLayer)>,
    entries: Vec<Entry>,
}

/// A route as the table declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The method.
    pub method: Method,
    /// The path, with its parameters in braces.
    pub path: &'static str,
    /// Who may come.
    pub access: Access,
}

/// The table as a list, without an application.
pub fn entries() -> Vec<Entry> {
    let mut table = Table {
        application: None,
        entries: Vec::new(),
    };
    all(&mut table);
    table.entries
}

/// Enters the table into an application.
pub fn configure(config: &mut ServiceConfig, sessions: &SessionLayer) {
    all(&mut Table {
        application: Some((config, sessions)),
        entries: Vec::new(),
    });
    config.default_service(web::to(unknown));
}

/// The answer where the table has nothing. A program is told which methods an address takes.
async fn unknown(request: HttpRequest) -> HttpResponse {
    let path = request.path();
    let methods: Vec<String> = if path.starts_with("/api/") {
        entries()
            .into_iter()
            .filter(|entry| entry.access.is_for_programs())
            .filter(|entry| ResourceDef::new(entry.path).is_match(path))
            .map(|entry| match entry.method {
                Method::GET => "GET, HEAD".to_owned(),
                other => other.to_string(),
            })
            .collect()
    } else {
        Vec::new()
    };
    if methods.is_empty() {
        return HttpResponse::NotFound().finish();
    }
    HttpResponse::MethodNotAllowed()
        .insert_header((ALLOW, methods.join(", ")))
        .finish()
}

impl Table<'_> {
    fn get<F, A>(&mut self, path: &'static str, access: Access, handler: F)
    where
        F: Handler<A>,
        A: actix_web::FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.add(Method::GET, path, access, handler);
    }

    fn post<F, A>(&mut self, path: &'static str, access: Access, handler: F)
    where
        F: Handler<A>,
        A: actix_web::FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.add(Method::POST, path, access, handler);
    }

    fn put<F, A>(&mut self, path: &'static str, access: Access, handler: F)
    where
        F: Handler<A>,
        A: actix_web::FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.add(Method::PUT, path, access, handler);
    }

    fn patch<F, A>(&mut self, path: &'static str, access: Access, handler: F)
    where
        F: Handler<A>,
        A: actix_web::FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.add(Method::PATCH, path, access, handler);
    }

    fn delete<F, A>(&mut self, path: &'static str, access: Access, handler: F)
    where
        F: Handler<A>,
        A: actix_web::FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.add(Method::DELETE, path, access, handler);
    }

    fn add<F, A>(&mut self, method: Method, path: &'static str, access: Access, handler: F)
    where
        F: Handler<A>,
        A: actix_web::FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let route = self.application.is_some().then(|| Route::new().to(handler));
        self.mount(method, path, access, route);
    }

    /// The part of [`Self::add`] that is the same for all handlers: compiled once, not per handler.
    fn mount(&mut self, method: Method, path: &'static str, access: Access, route: Option<Route>) {
        if let (Some((config, sessions)), Some(route)) = (&mut self.application, route) {
            let mut route = route
                .method(method.clone())
                .wrap(from_fn(move |request, next| guard(access, request, next)));
            if access.uses_session() {
                route = route.wrap(sessions.clone()).wrap(from_fn(explain_failure));
            }
            if access.needs_sign_in() {
                route = route.wrap(from_fn(keep));
            }
            config.service(
                web::resource(patterns(path))
                    .guard(only::Method(method.clone()))
                    .route(route),
            );
        }
        self.entries.push(Entry {
            method,
            path,
            access,
        });
    }
}

/// The addresses of a path. A token at its end is followed by whatever mail programs and people
/// take for a part of the address; letters and digits may be one of the page's other addresses.
fn patterns(path: &'static str) -> Vec<String> {
    let mut patterns = vec![path.to_owned()];
    if path.ends_with("{token}") {
        patterns.push([path, "/{rest:([^A-Za-z0-9]|%[0-9A-Fa-f]{2})*}"].concat());
    } else if path.ends_with("{token}.gif") {
        patterns.push([path, "{rest:.*}"].concat());
    }
    patterns
}

/// What stands on the listener for monitoring: nobody signs in there, and it shows nobody's data.
pub fn measures(config: &mut ServiceConfig) {
    config.route("/healthz", web::get().to(measures::health));
    config.route("/metrics", web::get().to(measures::show));
}

/// Limits that hold for every route.
pub fn limits(config: &mut ServiceConfig) {
    config.app_data(web::FormConfig::default().limit(crate::web::body::LARGEST_FORM));
}
