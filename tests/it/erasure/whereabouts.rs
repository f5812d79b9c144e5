//! *Wo kommt diese Adresse noch vor?*: found wherever it is planted, nowhere once it is deleted, and
//! never in another account.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Text;
use widerspruch::db::Conn;
use widerspruch::db::models::audit::{self, Action, Actor, Entry};
use widerspruch::db::models::backups;
use widerspruch::db::models::imports::{self, ImportStatus, NewImport};
use widerspruch::db::models::outbox::{self, Letter};
use widerspruch::db::models::pictures::{self, NewPicture};
use widerspruch::db::models::whereabouts::TEXTS;
use widerspruch::db::models::{deletion_requests, mailings};
use widerspruch::domain::address::EmailAddress;
use widerspruch::domain::role::{Role, Roles};
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::Decision;
use widerspruch::erasure::whereabouts::{Search, Whereabouts, place};

use crate::erasure::wait_until_clean;
use crate::support::agent::{Agent, Answer};
use crate::support::{On, World, on_both};

const PATH: &str = "/empfaenger/adresse";
const ANNA: &str = "anna@example.org";

/// Texts that can't hold an address: words of fixed lists, hashes, names made by the program, and
/// what belongs to no account.
const NO_ADDRESS: &[(&str, &[&str])] = &[
    ("installation", &["key", "value"]),
    ("backups", &["name"]),
    ("accounts", &["tracking_mode", "tracking_mode_before"]),
    ("users", &["password_hash"]),
    ("api_keys", &["beginning"]),
    (
        "recipients",
        &[
            // Looked up by their index; the search's text is made of them and the names.
            "address",
            "address_key",
            "search_text",
            "status",
            "status_source",
            "tracking",
            "tracking_source",
        ],
    ),
    ("objections", &["kind", "source"]),
    ("journal_entries", &["kind", "details"]),
    ("mailings", &["status", "form_key"]),
    ("deliveries", &["policy", "status", "reply_code", "bounce"]),
    ("consents", &["kind"]),
    ("pictures", &["media_type"]),
    ("smtp_settings", &["encryption"]),
    (
        "dkim_keys",
        &["domain", "algorithm", "selector", "public_key"],
    ),
    ("bounce_mailboxes", &["encryption", "to_remove"]),
    ("bounce_reasons", &["reason"]),
    ("outbox_mails", &["file"]),
    ("imports", &["status"]),
    ("receipts", &["kind", "cleanup", "node"]),
    ("jobs", &["kind", "status"]),
    ("job_queue", &["kind", "node", "last_failure"]),
    ("audit_log", &["action"]),
    // Where somebody goes after the second step: a page without what it was asked for.
    ("sign_ins", &["next"]),
    // What came of an attempt is told in words of our own.
    (
        "webhook_deliveries",
        &["event", "source", "status", "outcome"],
    ),
];

fn search(world: &World, address: &str) -> Whereabouts {
    let search = Search {
        db: &world.state.db,
        data_dir: world.dir.path(),
        remembering: &world.state.remembering,
    };
    let address = EmailAddress::parse(address).expect("an address");
    let actor = Actor::Program("Test");
    search
        .run(world.account_id, &address, &actor, Timestamp::now())
        .expect("the search comes to its end")
}

/// The kinds of places in which the address stands.
fn places(world: &World, address: &str) -> Vec<&'static str> {
    let found = search(world, address);
    assert!(found.is_complete);
    found.findings.iter().map(|one| one.place).collect()
}

fn ask(agent: &Agent, address: &str) -> Answer {
    let answer = agent.post(PATH, &[("email", address)]);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

fn run(world: &World, sql: &str) {
    world.write(|conn| {
        sql_query(sql).execute(conn)?;
        Ok(())
    });
}

/// Every column that holds texts, as `table.column`.
fn text_columns(world: &World) -> BTreeSet<String> {
    #[derive(QueryableByName)]
    struct Column {
        #[diesel(sql_type = Text)]
        name: String,
    }
    let columns: Vec<Column> = world.read(|conn| {
        Ok(match conn {
            Conn::Sqlite(conn) => sql_query(
                "SELECT m.name || '.' || c.name AS name FROM sqlite_master m JOIN pragma_table_info(m.name) c
                 WHERE m.type = 'table' AND c.type = 'TEXT' AND m.name NOT LIKE 'sqlite_%'
                   AND m.name NOT LIKE 'recipient_search%' AND m.name NOT LIKE '\\_\\_%' ESCAPE '\\'",
            )
            .load(conn)?,
            Conn::Postgres(conn) => sql_query(
                "SELECT CAST(table_name || '.' || column_name AS TEXT) AS name FROM information_schema.columns
                 WHERE table_schema = 'public' AND data_type = 'text' AND table_name NOT LIKE '\\_\\_%'",
            )
            .load(conn)?,
        })
    });
    columns.into_iter().map(|column| column.name).collect()
}

on_both!(every_text_is_searched_or_can_hold_no_address, |world| {
    let listed = TEXTS
        .iter()
        .flat_map(|of| of.columns.iter().map(move |column| (of.table, *column)));
    let exempt = NO_ADDRESS
        .iter()
        .flat_map(|(table, columns)| columns.iter().map(move |column| (*table, *column)));
    let known: BTreeSet<String> = listed
        .chain(exempt)
        .map(|(table, column)| format!("{table}.{column}"))
        .collect();
    let there = text_columns(world);
    assert!(there.len() > 80, "{}", there.len());
    let unknown: Vec<_> = there.difference(&known).collect();
    assert!(
        unknown.is_empty(),
        "new texts: list them in src/db/models/whereabouts.rs, or here if they can't hold an \
         address: {unknown:?}"
    );
    let gone: Vec<_> = known.difference(&there).collect();
    assert!(gone.is_empty(), "no such columns: {gone:?}");
});

/// Rows of what an account sets up for itself.
fn furnish_account(world: &World, hash: &str) {
    let account = world.account_id;
    let now = Timestamp::now();
    run(
        world,
        &format!(
            "INSERT INTO smtp_settings (account_id, host, port, encryption, connections, per_minute, updated_at) VALUES ({account}, 'h', 25, 'none', 1, 0, 1)"
        ),
    );
    run(
        world,
        &format!(
            "INSERT INTO bounce_mailboxes (account_id, host, port, encryption, username, folder, updated_at) VALUES ({account}, 'h', 143, 'none', 'u', 'INBOX', 1)"
        ),
    );
    run(
        world,
        &format!(
            "INSERT INTO receipts (account_id, kind, actor, cleanup, created_at) VALUES ({account}, 'deletion', 'Eva', 'done', 1)"
        ),
    );
    run(
        world,
        &format!(
            "INSERT INTO api_keys (account_id, name, beginning, key_hash, scopes, created_by, created_at) VALUES ({account}, 'n', 'b', {hash}, 1, 'Eva', 1)"
        ),
    );
    run(
        world,
        &format!(
            "INSERT INTO webhooks (account_id, url, events, secret, created_at) VALUES ({account}, 'https://example.com/', 1, {hash}, 1)"
        ),
    );
    run(
        world,
        &format!(
            "INSERT INTO invitations (account_id, email, email_key, name, roles, key_hash, invited_by, created_at, expires_at) VALUES ({account}, 'neu@example.com', 'neu@example.com', 'n', 1, {hash}, 'Eva', 1, {})",
            now.plus_days(1).millis()
        ),
    );
}

/// A row in every table of texts.
fn furnish(world: &World) {
    let account = world.account_id;
    let now = Timestamp::now();
    let someone = world.make_recipient("jemand@example.com");
    let mailing = world.make_sent_mailing("Herbstbrief", 1);
    world.deliver(mailing, someone, Decision::Personal);
    run(
        world,
        &format!(
            "INSERT INTO groups (account_id, name, name_key, created_at) VALUES ({account}, 'Alle', 'alle', 1)"
        ),
    );
    let group = world.total("id", "groups", "name_key = 'alle'");
    if world.rows("mailing_groups", "1 = 1") == 0 {
        run(
            world,
            &format!(
                "INSERT INTO mailing_groups (account_id, mailing_id, position, group_id, group_name) VALUES ({account}, {mailing}, 0, {group}, 'Alle')"
            ),
        );
    }
    let (key, hash) = match world.on {
        On::Sqlite => ("x'0102'", "x'0304'"),
        On::Postgres => ("'\\x0102'", "'\\x0304'"),
    };
    run(
        world,
        &format!(
            "INSERT INTO signup_forms (account_id, group_id, public_key, name, title, intro, sender_name, sender_address, consent_wording, tracking_wording, valid_hours, created_at, updated_at) VALUES ({account}, {group}, {key}, 'n', 't', 'i', 's', 'post@example.com', 'c', 't', 24, 1, 1)"
        ),
    );
    let form = world.total("id", "signup_forms", "1 = 1");
    run(
        world,
        &format!(
            "INSERT INTO signups (account_id, form_id, address, address_key, key_hash, tracking_agreed, consent_wording, tracking_wording, created_at, expires_at) VALUES ({account}, {form}, 'wer@example.com', 'wer@example.com', {hash}, {}, 'c', 't', 1, {})",
            if world.on == On::Sqlite { "0" } else { "false" },
            now.plus_days(1).millis()
        ),
    );
    run(
        world,
        &format!(
            "INSERT INTO consents (account_id, recipient_id, kind, wording, form_name, asked_at, given_at) VALUES ({account}, {someone}, 'tracking', 'w', 'f', 1, 1)"
        ),
    );
    furnish_account(world, hash);
    world.write(|conn| {
        let new = NewImport {
            user_id: None,
            group_id: None,
            file_name: "liste.csv",
            size: 10,
            settings: "{}",
            status: ImportStatus::Uploaded,
        };
        let import = imports::create(conn, account, &new, now)?;
        sql_query(format!("INSERT INTO import_refusals (account_id, import_id, line, value, reason) VALUES ({account}, {import}, 3, 'v', 'r')")).execute(conn)?;
        let picture = NewPicture {
            file_name: "rose.gif".to_owned(),
            media_type: "image/gif",
            width: 1,
            height: 1,
            content: b"GIF89a".to_vec(),
        };
        pictures::create(conn, account, &picture, now)?;
        mailings::find(conn, account, mailing)?;
        Ok(())
    });
}

on_both!(an_address_in_any_text_is_found, |world| {
    furnish(world);
    assert_eq!(places(world, ANNA), [""; 0], "the control");
    let mut planted = 0;
    for of in TEXTS.iter().filter(|of| of.table != "audit_log") {
        assert!(
            world.rows(of.table, "1 = 1") > 0,
            "{}: a row to plant in",
            of.table
        );
        for column in of.columns {
            // As it was, afterwards: what is planted may be no text that the product can read.
            run(world, "DROP TABLE IF EXISTS before_planting");
            let (table, owner) = (of.table, of.owner);
            let whose = format!("{owner} = {}", world.account_id);
            let kept = format!(
                "CREATE TABLE before_planting AS SELECT MIN({column}) AS text FROM {table} WHERE {whose}"
            );
            run(world, &kept);
            run(
                world,
                &format!("UPDATE {table} SET {column} = 'an <Anna@Example.org>' WHERE {whose}"),
            );
            assert_eq!(places(world, ANNA), [table], "{table}.{column}");
            assert_eq!(
                places(world, "nna@example.org"),
                [""; 0],
                "only whole addresses"
            );
            run(
                world,
                &format!(
                    "UPDATE {table} SET {column} = (SELECT text FROM before_planting) WHERE {whose}"
                ),
            );
            planted += 1;
        }
    }
    assert!(planted > 40, "{planted}");
    run(world, "DROP TABLE before_planting");
    world.write(|conn| {
        let entry = Entry {
            actor: &Actor::Program("Test"),
            action: Action::ObjectionLifted,
            recipient_id: None,
            details: serde_json::json!({ "reason": "auf Bitte von anna@example.org" }),
        };
        audit::record(conn, world.account_id, &entry, Timestamp::now())
    });
    assert_eq!(places(world, ANNA), ["audit_log"]);
    assert_eq!(
        places(world, "jemand@example.com")[..2],
        [place::RECIPIENT, place::DELIVERIES]
    );
});

on_both!(an_address_in_any_file_is_found, |world| {
    furnish(world);
    let dir = world.dir.path();
    let import = world.total("id", "imports", "1 = 1");
    let mail = world.write(|conn| {
        let letter = Letter {
            mailing_id: None,
            signup_id: None,
            file: "brief.eml",
        };
        outbox::add_letter(conn, world.account_id, &letter, Timestamp::now())
    });
    let encoded = STANDARD.encode("Liebe anna@example.org, guten Tag");
    for (place, path, number, texts) in [
        (
            place::OUTBOX,
            "outbox/brief.eml".to_owned(),
            mail,
            [
                "To: Anna <anna@example.org>",
                &encoded,
                "/?m=anna%40example.org",
            ],
        ),
        (
            place::UPLOADS,
            format!("imports/{import}.csv"),
            import,
            [
                "E-Mail\nanna@example.org\n",
                "ANNA@EXAMPLE.ORG",
                "x;\"anna@example.org\"",
            ],
        ),
        (
            place::BOUNCES,
            "bounces/0123.held".to_owned(),
            0,
            [
                "Final-Recipient: rfc822; anna@example.org",
                &encoded,
                "<anna@example.org>",
            ],
        ),
    ] {
        let path = dir.join(path);
        for text in texts {
            std::fs::write(&path, text).expect("a file");
            let found = search(world, ANNA).findings;
            let found: Vec<_> = found.iter().map(|one| (one.place, one.named[0])).collect();
            assert_eq!(found, [(place, number)], "{text}");
        }
        std::fs::write(&path, "hanna@example.org, anna@example.organic").expect("a file");
        assert_eq!(places(world, ANNA), [""; 0]);
        std::fs::remove_file(&path).expect("the file just written");
    }
    // Files that no row of the account names are those of others.
    std::fs::write(dir.join("outbox/fremd.eml"), "To: anna@example.org").expect("a file");
    std::fs::write(dir.join("imports/987654.csv"), "anna@example.org").expect("a file");
    assert_eq!(places(world, ANNA), [""; 0]);
    world.make_account("Fremde AG", "fremd@example.com");
    std::fs::write(dir.join("bounces/0123.held"), ANNA).expect("a file");
    assert_eq!(
        places(world, ANNA),
        [""; 0],
        "nobody knows whose message that is"
    );
});

on_both!(an_address_written_otherwise_is_found, |world| {
    let id = world.make_recipient("Jürgen@Bücherei.example");
    for spelling in [
        "jürgen@bücherei.example",
        "jürgen@xn--bcherei-n2a.example",
        "JÜRGEN@BÜCHEREI.EXAMPLE",
    ] {
        let found = search(world, spelling);
        assert_eq!(found.findings[0].place, place::RECIPIENT, "{spelling}");
        assert_eq!(found.findings[0].named, [id]);
    }
    run(
        world,
        "UPDATE recipients SET first_name = 'siehe otto@xn--bcherei-n2a.example'",
    );
    assert_eq!(places(world, "otto@bücherei.example"), ["recipients"]);
});

on_both!(p7_after_the_deletion_it_is_nowhere, |world| {
    let admin = world.admin();
    let anna = world.make_recipient(ANNA);
    let mailing = world.make_sent_mailing("Herbstbrief", 1);
    world.deliver(mailing, anna, Decision::Personal);
    world.write(|conn| deletion_requests::make(conn, world.account_id, anna, Timestamp::now()));
    let tracking = format!("/empfaenger/{anna}/tracking");
    admin.submit(&tracking, &[("tracking_off", "ja")]);
    let found = ask(&admin, " Anna@Example.org ");
    found
        .assert_says("Zustellungen an diesen Empfänger")
        .assert_says("Löschwunsch dieses Empfängers")
        .assert_says("Einträge im Protokoll");
    let way = found.attribute(&format!("a[href='/empfaenger/{anna}']"), "href");
    assert!(way.is_some(), "a way to act");
    admin.submit(&format!("/empfaenger/{anna}/loeschen"), &[]);
    wait_until_clean(world);
    let found = ask(&admin, ANNA);
    found
        .assert_says("Nirgends")
        .assert_says("Widerspruch gegen das Tracking vom")
        .assert_silent_about("Bereinigung ausstehend")
        .assert_silent_about("Sicherungskopien, in denen");
    assert_eq!(found.all("tbody tr").len(), 0);
    // Without remembering nothing at all is left.
    let options = [("rest", "anonym")];
    admin.submit("/benutzerkonto/tracking/einstellungen", &options);
    ask(&admin, ANNA)
        .assert_says("Nirgends")
        .assert_silent_about("Gemerkt");
    // A cleaning that is not done is said.
    run(world, "UPDATE receipts SET cleanup = 'pending'");
    ask(&admin, ANNA)
        .assert_says("Nirgends")
        .assert_says("Bereinigung ausstehend");
});

on_both!(copies_that_may_hold_it_are_named, |world| {
    let now = Timestamp::now();
    world.write(|conn| backups::enter(conn, "pg_dump vom Montag", now, now.plus_days(9)));
    world.write(|conn| backups::enter(conn, "/nirgends/alt", now, now.plus_days(-1)));
    let found = search(world, ANNA);
    assert_eq!(found.copies.len(), 1, "those that are kept");
    assert!(!found.copies[0].is_certain);
    ask(&world.admin(), ANNA)
        .assert_says("Nirgends mehr, außer in Sicherungskopien")
        .assert_says("kann darin stehen");
});

#[test]
fn a_copy_is_looked_into() {
    let world = World::start(On::Sqlite);
    world.make_recipient(ANNA);
    world.make_account("Fremde AG", "fremd@example.com");
    let dir = world.files.path().join("eine Kopie?");
    std::fs::create_dir(&dir).expect("a directory");
    let file = dir.join("widerspruch.sqlite");
    world
        .state
        .db
        .maintain(|conn| {
            sql_query(format!("VACUUM INTO '{}'", file.display())).execute(conn)?;
            Ok(())
        })
        .expect("a copy");
    let now = Timestamp::now();
    let name = dir.display().to_string();
    world.write(|conn| backups::enter(conn, &name, now, now.plus_days(9)));
    run(
        &world,
        "UPDATE recipients SET address_key = 'x@example.com', address = 'x@example.com'",
    );
    let found = search(&world, ANNA);
    assert!(found.is_nowhere());
    assert_eq!(found.copies.len(), 1);
    assert!(found.copies[0].is_certain);
    assert!(search(&world, "ben@example.org").copies.is_empty());
    let beside = std::fs::read_dir(&dir).expect("the directory").count();
    assert_eq!(beside, 1, "nothing is left beside it");
    // The other account's data in the copy is none of this one's.
    let search = Search {
        db: &world.state.db,
        data_dir: world.dir.path(),
        remembering: &world.state.remembering,
    };
    let stranger = world.total("account_id", "users", "email_key = 'fremd@example.com'");
    let anna = EmailAddress::parse(ANNA).expect("an address");
    let found = search.run(stranger, &anna, &Actor::Program("Test"), now);
    assert!(found.expect("a search").copies.is_empty());
}

on_both!(p8_a_search_leaves_no_address, |world| {
    let admin = world.admin();
    let form = admin.visit(PATH);
    let hint = form.attribute("#email-hint", "class");
    assert_eq!(hint.as_deref(), Some("field__hint"));
    assert_eq!(
        form.attribute("main form", "method").as_deref(),
        Some("post")
    );
    ask(&admin, "gesucht@example.net");
    let stored = world.dump(&[]).join("\n");
    assert!(stored.contains("address_searched"), "the control");
    assert!(!stored.contains("gesucht@example.net"));
    admin
        .visit("/benutzerkonto/protokoll?bereich=export")
        .assert_says("Nach einer Adresse gesucht")
        .assert_says("Fundstellen: 0");
    let refused = admin.post(PATH, &[("email", "anna")]);
    assert_eq!(refused.status, 422);
    refused.assert_says("In der Adresse fehlt das @-Zeichen.");
    assert_eq!(
        refused.attribute("#email", "value").as_deref(),
        Some("anna")
    );
});

on_both!(another_accounts_data_never_shows, |world| {
    furnish(world);
    let anna = world.make_recipient(ANNA);
    world.write(|conn| deletion_requests::make(conn, world.account_id, anna, Timestamp::now()));
    for of in TEXTS
        .iter()
        .filter(|of| !["audit_log", "accounts", "users"].contains(&of.table))
    {
        let column = of.columns[0];
        run(
            world,
            &format!("UPDATE {} SET {column} = 'x {ANNA} x'", of.table),
        );
    }
    let mine = places(world, ANNA);
    assert!(mine.len() > 15, "the control: {mine:?}");
    world.make_account("Fremde AG", "fremd@example.com");
    let stranger = world.signed_in("fremd@example.com");
    let found = ask(&stranger, ANNA);
    found.assert_says("Nirgends");
    assert_eq!(found.all("tbody tr").len(), 0);
    // Whoever may not go somewhere is not led there.
    world.make_user("b@example.org", Roles::NONE.with(Role::Recipients));
    let found = ask(&world.signed_in("b@example.org"), ANNA);
    found.assert_says("E-Mailings: Absender, Betreff oder Text");
    assert_eq!(found.attribute("main a[href^='/e-mailings']", "href"), None);
    assert_eq!(
        found.attribute("main a[href^='/benutzerkonto']", "href"),
        None
    );
    assert!(
        found
            .attribute("main a[href^='/gruppen/']", "href")
            .is_some()
    );
});
