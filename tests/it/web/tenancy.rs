//! Every route of the table: who may come, from where, and that nobody reaches what belongs to
//! another account.

use actix_web::http::Method;
use widerspruch::db::models::dkim_keys::{self, NewDkimKey};
use widerspruch::db::models::imports::{self, ImportStatus};
use widerspruch::db::models::invitations::{self, NewInvitation};
use widerspruch::db::models::mailings::{self, Content};
use widerspruch::db::models::receipts::{self, ReceiptKind};
use widerspruch::db::models::sessions::{self, NewSession};
use widerspruch::db::models::{
    deletion_lists, deletion_requests, groups, jobs, outbox, pictures, signup_forms, users,
};
use widerspruch::domain::address::EmailAddress;
use widerspruch::domain::role::{Role, Roles};
use widerspruch::domain::scope::Scopes;
use widerspruch::domain::signature::SignatureAlgorithm;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::Decision;
use widerspruch::domain::webhook::HookEvent;
use widerspruch::routes::{Entry, entries};
use widerspruch::web::access::Access;

use crate::support::agent::{Agent, Answer};
use crate::support::world::ADMIN;
use crate::support::{World, on_both};

const ROLES: [Role; 5] = [
    Role::Admin,
    Role::Mailings,
    Role::Sending,
    Role::Reports,
    Role::Recipients,
];

/// A number that nothing has.
const NOTHING: i64 = 987_654_321;

/// A route's address with values in place of its parameters.
fn address(entry: &Entry, id: i64) -> String {
    entry
        .path
        .replace("{id}", &id.to_string())
        .replace("{token}", "damaged")
        .replace("{key}", "wrong")
        .replace("{path:.*}", "none.css")
}

fn ask(agent: &Agent, entry: &Entry, id: i64, headers: &[(&str, &str)]) -> Answer {
    let path = address(entry, id);
    match entry.method {
        Method::POST => agent.post_with(&path, &[], headers),
        _ => agent.get_with(&path, headers),
    }
}

fn leads_to_sign_in(answer: &Answer) -> bool {
    answer.location().is_some_and(|location| {
        location == "/anmelden" || location.starts_with("/anmelden?weiter=")
    })
}

/// All routes but *Abmelden*, which would end the session of the test, and those of programs, which
/// know no sessions (`api::access` walks them).
fn routes() -> Vec<Entry> {
    let mut all = entries();
    assert!(all.len() > 50, "the table is there");
    all.retain(|entry| entry.path != "/abmelden-sitzung" && !entry.access.is_for_programs());
    all
}

on_both!(every_route_keeps_to_its_access, |world| {
    let users: Vec<(Option<Role>, Agent)> = ROLES
        .into_iter()
        .map(|role| {
            let email = format!("only-{role:?}@example.org");
            world.make_user(&email, Roles::NONE.with(role));
            (Some(role), world.signed_in(&email))
        })
        .chain([(None, world.visitor())])
        .collect();
    let mut refused = 0;
    let mut let_in = 0;
    for entry in routes() {
        for (role, agent) in &users {
            let answer = ask(agent, &entry, NOTHING, &[]);
            let what = format!("{entry:?} as {role:?}: {}", answer.status);
            assert!(answer.status < 500, "{what}: {}", answer.text());
            match (entry.access, role) {
                (Access::Everybody | Access::Token | Access::Link | Access::PublicForm, _) => {
                    assert!(!leads_to_sign_in(&answer), "{what}");
                    assert_ne!(answer.status, 403, "{what}");
                }
                (Access::SignedIn | Access::Role(_), None) => {
                    assert_eq!(answer.status, 303, "{what}");
                    assert!(leads_to_sign_in(&answer), "{what}");
                    refused += 1;
                }
                (Access::Role(needed), Some(role)) => {
                    let may = Roles::NONE.with(*role).allow(needed);
                    assert_eq!(answer.status == 403, !may, "{what}: {}", answer.text());
                    refused += u32::from(!may);
                    let_in += u32::from(may);
                }
                (Access::SignedIn, Some(_)) => assert!(!leads_to_sign_in(&answer), "{what}"),
                (Access::AnyKey | Access::Key(_), _) => unreachable!("{what}"),
            }
        }
    }
    assert!(refused > 100 && let_in > 50, "{refused} {let_in}");
});

on_both!(
    reading_mailings_and_mails_is_for_writers_and_senders,
    |world| {
        world.make_user("a@example.org", Roles::NONE.with(Role::Reports));
        world.make_user("b@example.org", Roles::NONE.with(Role::Sending));
        let (reader, sender) = (
            world.signed_in("a@example.org"),
            world.signed_in("b@example.org"),
        );
        let mut checked = 0;
        for entry in routes() {
            let of_mails =
                entry.path.starts_with("/e-mailings") || entry.path.starts_with("/postausgang");
            if of_mails && entry.access == Access::SignedIn {
                assert_eq!(ask(&reader, &entry, NOTHING, &[]).status, 403, "{entry:?}");
                assert_ne!(ask(&sender, &entry, NOTHING, &[]).status, 403, "{entry:?}");
                checked += 1;
            }
        }
        assert!(checked >= 8);
    }
);

on_both!(every_unsafe_request_from_elsewhere_is_refused, |world| {
    let admin = world.admin();
    let before = world.dump(&["sessions"]);
    let mut checked = 0;
    for entry in entries() {
        if entry.method != Method::POST || entry.access.is_for_programs() {
            continue;
        }
        for headers in [
            &[("sec-fetch-site", "cross-site")][..],
            &[("sec-fetch-site", "same-site")],
            &[("origin", "https://evil.example")],
            &[("origin", "null")],
        ] {
            let answer = ask(&admin, &entry, NOTHING, headers);
            if matches!(entry.access, Access::Token | Access::PublicForm) {
                assert_ne!(answer.status, 403, "{entry:?}");
            } else {
                assert_eq!(answer.status, 403, "{entry:?} {headers:?}");
                answer.assert_says("Anfrage von einer anderen Website");
                checked += 1;
            }
        }
    }
    assert!(checked > 80, "{checked}");
    assert_eq!(world.dump(&["sessions"]), before);
});

/// An import that has ended.
fn make_import(world: &World) -> i64 {
    world.write(|conn| {
        let new = imports::NewImport {
            user_id: None,
            group_id: None,
            file_name: "anna@example.org.csv",
            size: 10,
            settings: "{}",
            status: ImportStatus::Running,
        };
        let (account, now) = (world.account_id, Timestamp::now());
        let id = imports::create(conn, account, &new, now)?;
        imports::finish(conn, account, id, ImportStatus::Done, None, now)?;
        Ok(id)
    })
}

/// A key that signs nothing yet.
fn make_signing_key(world: &World) -> i64 {
    world.write(|conn| {
        let key = NewDkimKey {
            domain: "example.org",
            algorithm: SignatureAlgorithm::Rsa,
            selector: "rsa-2611-abcd",
            private_key: b"sealed",
            public_key: "MII=",
        };
        dkim_keys::add(conn, world.account_id, &key, Timestamp::now())?;
        Ok(dkim_keys::of_account(conn, world.account_id)?[0].id)
    })
}

/// A form to sign up with.
fn make_form(world: &World, group_id: i64) -> i64 {
    let content = signup_forms::Content {
        group_id,
        name: "Website".to_owned(),
        title: "Brief".to_owned(),
        sender_address: "post@example.org".to_owned(),
        valid_hours: 24,
        active: true,
        ..signup_forms::Content::default()
    };
    world.write(|conn| signup_forms::create(conn, world.account_id, &content, Timestamp::now()))
}

/// A deletion by list that waits for the administrator's confirmation.
fn make_deletion_list(world: &World, recipient: i64) -> i64 {
    world.write(|conn| {
        let (account, now) = (world.account_id, Timestamp::now());
        let admin = users::find_by_email(conn, ADMIN)?.expect("the administrator");
        let draft = deletion_lists::start(conn, account, admin.id, now)?;
        deletion_lists::note_recipients(conn, account, draft, &[recipient])?;
        Ok(draft)
    })
}

/// What a form sends.
type Fields<'a> = &'a [(&'a str, &'a str)];

/// One of everything that an account can have.
struct Things {
    recipient: i64,
    group: i64,
    draft: i64,
    sent: i64,
    receipt: i64,
    job: i64,
    mail: i64,
    import: i64,
    deletion_list: i64,
    form: i64,
    signing_key: i64,
    api_key: i64,
    webhook: i64,
    picture: i64,
    user: i64,
    invitation: i64,
    session: i64,
}

impl Things {
    fn make(world: &World) -> Self {
        let (account, now) = (world.account_id, Timestamp::now());
        let recipient = world.make_recipient("anna@example.org");
        let group = world.write(|conn| groups::create(conn, account, "Alle", now));
        world.write(|conn| groups::add_members(conn, account, group, &[recipient], now));
        world.write(|conn| deletion_requests::make(conn, account, recipient, now));
        let sent = world.make_sent_mailing("Gesendet", 1);
        world.deliver(sent, recipient, Decision::Personal);
        let draft = world.write(|conn| {
            let content = Content {
                subject: "Entwurf",
                sender_name: "Muster",
                sender_address: "post@example.org",
                html: "<p>Hallo</p>",
                mjml: "",
                text: "",
                groups: &[group],
            };
            mailings::create(conn, account, &content, now)
        });
        let (receipt, job) = world.write(|conn| {
            let receipt = receipts::start(conn, account, ReceiptKind::Deletion, "Eva", now)?;
            let whom = jobs::Whom::Chosen(vec![recipient]);
            let job = jobs::start(conn, account, None, receipt, &whom, now)?;
            Ok((receipt, job))
        });
        let mail = world.write(|conn| {
            let mail = outbox::NewMail {
                recipient_id: recipient,
                file: "a.eml".to_owned(),
            };
            outbox::add(conn, account, sent, &[mail], now)?;
            let listed = outbox::list(conn, account, widerspruch::db::paging::Position::First, 1)?;
            Ok(listed.rows[0].id)
        });
        let message = b"From: a@example.org\r\nTo: b@example.org\r\nSubject: x\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n";
        std::fs::write(world.dir.path().join("outbox/a.eml"), message).expect("a mail");
        Self {
            recipient,
            group,
            draft,
            sent,
            receipt,
            job,
            mail,
            import: make_import(world),
            deletion_list: make_deletion_list(world, recipient),
            form: make_form(world, group),
            signing_key: make_signing_key(world),
            api_key: world.make_key(Scopes::NONE).id,
            webhook: world
                .make_webhook("https://hooks.example.invalid/in", &HookEvent::ALL)
                .0,
            picture: make_picture(world),
            user: make_user(world),
            invitation: make_invitation(world),
            session: make_session(world),
        }
    }

    /// What the number in this route's address means.
    fn id_for(&self, path: &str) -> i64 {
        if path.starts_with("/empfaenger/import/") {
            return self.import;
        }
        if path.starts_with("/empfaenger/loeschliste/") {
            return self.deletion_list;
        }
        if path.starts_with("/e-mailings/bilder/") {
            return self.picture;
        }
        for (beginning, id) in [
            ("/benutzerkonto/schnittstelle/webhooks/", self.webhook),
            ("/benutzerkonto/schnittstelle/", self.api_key),
            ("/benutzerkonto/benutzer/einladungen/", self.invitation),
            ("/benutzerkonto/benutzer/", self.user),
            ("/benutzerkonto/anmeldungen/", self.session),
        ] {
            if path.starts_with(beginning) {
                return id;
            }
        }
        match path.split('/').nth(1).unwrap_or_default() {
            "empfaenger" => self.recipient,
            "gruppen" => self.group,
            "e-mailings" => self.draft,
            "analysen" => self.sent,
            "belege" => self.receipt,
            "auftraege" => self.job,
            "postausgang" => self.mail,
            "anmeldeformulare" => self.form,
            "benutzerkonto" => self.signing_key,
            _ => panic!("{path}: what does its number mean?"),
        }
    }
}

/// Another user.
fn make_user(world: &World) -> i64 {
    world.make_user("max@example.org", Roles::NONE.with(Role::Reports));
    let user = world.read(|conn| users::find_by_email(conn, "max@example.org"));
    user.expect("the user").id
}

/// Somebody who is invited.
fn make_invitation(world: &World) -> i64 {
    let email = EmailAddress::parse("jana@example.org").expect("an address");
    let now = Timestamp::now();
    let new = NewInvitation {
        email: &email,
        name: "Jana",
        roles: Roles::ADMIN,
        invited_by: "Eva",
        key_hash: [7; 32],
        expires_at: now.plus_days(7),
    };
    world.write(|conn| invitations::create(conn, world.account_id, &new, now))
}

/// A session of the administrator.
fn make_session(world: &World) -> i64 {
    let now = Timestamp::now();
    world.write(|conn| {
        let user = users::find_by_email(conn, ADMIN)?.expect("the administrator");
        let new = NewSession {
            key_hash: &[9; 32],
            user_id: user.id,
            device: 1,
            expires: now.plus_days(1),
        };
        sessions::start(conn, &new, now)?;
        Ok(sessions::of_user(conn, user.id, now)?[0].id)
    })
}

fn make_picture(world: &World) -> i64 {
    let new = pictures::NewPicture {
        file_name: "rose.gif".to_owned(),
        media_type: "image/gif",
        width: 1,
        height: 1,
        content: b"GIF89a".to_vec(),
    };
    world.write(|conn| pictures::create(conn, world.account_id, &new, Timestamp::now()))
}

on_both!(nobody_reaches_what_belongs_to_another_account, |world| {
    let theirs = Things::make(world);
    let owner = world.admin();
    world.make_account("Fremde AG", "fremd@example.com");
    let stranger = world.signed_in("fremd@example.com");
    let before = world.dump(&["sessions"]);
    let files = || {
        std::fs::read_dir(world.dir.path().join("outbox"))
            .expect("a directory")
            .count()
    };
    assert_eq!(files(), 1);
    let with_number = || {
        routes()
            .into_iter()
            .filter(|entry| entry.path.contains("{id}"))
    };
    let mut checked = 0;
    for entry in with_number() {
        let id = theirs.id_for(entry.path);
        let answer = ask(&stranger, &entry, id, &[]);
        // A form that lacks everything may be refused before anything is looked for.
        let is_refused =
            answer.status == 404 || entry.method == Method::POST && answer.status == 400;
        assert!(is_refused, "{entry:?}: {} {}", answer.status, answer.text());
        answer.assert_silent_about("anna@example.org");
        checked += 1;
    }
    assert!(checked > 30, "{checked}");

    // With forms that would do something.
    let forms: [(&str, i64, Fields); 7] = [
        (
            "/empfaenger/{}",
            theirs.recipient,
            &[("email", "x@example.com")],
        ),
        (
            "/empfaenger/{}/tracking",
            theirs.recipient,
            &[("tracking_off", "on")],
        ),
        (
            "/empfaenger/{}/tracking/aufheben",
            theirs.recipient,
            &[("reason", "x")],
        ),
        ("/empfaenger/{}/gruppen", theirs.recipient, &[]),
        ("/gruppen/{}", theirs.group, &[("name", "Neu")]),
        (
            "/e-mailings/{}",
            theirs.draft,
            &[
                ("subject", "x"),
                ("html", "x"),
                ("sender_address", "x@example.com"),
            ],
        ),
        ("/e-mailings/{}/senden", theirs.draft, &[]),
    ];
    for (path, id, form) in forms {
        let path = path.replace("{}", &id.to_string());
        assert_eq!(stranger.post(&path, form).status, 404, "{path}");
    }
    assert_eq!(world.dump(&["sessions"]), before, "nothing has changed");
    assert_eq!(files(), 1);

    // The control: their owner gets there.
    for entry in with_number().filter(|entry| entry.method == Method::GET) {
        let id = theirs.id_for(entry.path);
        let status = ask(&owner, &entry, id, &[]).status;
        assert!(status == 200 || status == 303, "{entry:?}: {status}");
    }
});

on_both!(foreign_numbers_in_forms_are_left_out, |world| {
    let theirs = Things::make(world);
    world.make_account("Fremde AG", "fremd@example.com");
    let stranger = world.signed_in("fremd@example.com");
    let (group, recipient) = (theirs.group.to_string(), theirs.recipient.to_string());

    stranger.submit(
        "/empfaenger/neu",
        &[("email", "neu@example.com"), ("gruppen", &group)],
    );
    let draft = [
        ("subject", "x"),
        ("html", "x"),
        ("sender_address", "x@example.com"),
        ("groups", &group),
    ];
    stranger.submit("/e-mailings", &draft);
    for answer in [
        stranger.post("/empfaenger/loeschen", &[("id", &recipient)]),
        stranger.get(&format!("/empfaenger/loeschen?id={recipient}")),
        stranger.get(&format!("/empfaenger?gruppe={group}")),
        stranger.get(&format!("/empfaenger/neu?gruppe={group}")),
        stranger.get("/empfaenger/suche?q=anna"),
    ] {
        assert!(answer.status < 500, "{}", answer.text());
        answer.assert_silent_about("anna@example.org");
    }
    assert_eq!(world.rows("memberships", "1 = 1"), 1);
    assert_eq!(world.rows("recipients", "address = 'anna@example.org'"), 1);
    assert_eq!(
        world.rows("mailing_groups", &format!("group_id = {group}")),
        1
    );
    assert_eq!(world.rows("groups", "member_count = 1"), 1);
});
