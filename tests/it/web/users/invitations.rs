//! Invitations: sent or shown, accepted once, taken back.

use widerspruch::domain::role::{Role, Roles};
use widerspruch::mail::read::read;

use super::{LOG, USERS, execute, link_on, newest_entry, number, path_in};
use crate::support::agent::{Agent, Answer};
use crate::support::python::SmtpServer;
use crate::support::world::{ADMIN, PASSWORD};
use crate::support::{World, on_both};

const JANA: &[(&str, &str)] = &[
    ("email", "Jana@Example.org"),
    ("name", "Jana Müller"),
    ("rollen", "e-mailings"),
    ("rollen", "analysen"),
];

/// Invites, and gives the page that comes of it.
fn invite(admin: &Agent, form: &[(&str, &str)]) -> Answer {
    admin.post(&format!("{USERS}/einladen"), form)
}

fn invitation(world: &World) -> i64 {
    world.total("id", "invitations", "1 = 1")
}

fn accept(world: &World, link: &str) -> Answer {
    world.visitor().post(
        link,
        &[("name", "Jana M."), ("password", "ein langes Passwort")],
    )
}

on_both!(
    without_a_mail_server_the_link_is_shown_once_and_lies_nowhere,
    |world| {
        let admin = world.admin();
        admin
            .visit(&format!("{USERS}/einladen"))
            .assert_says("zeigt Ihnen die nächste Seite den Link einmal");
        let page = invite(&admin, JANA);
        assert_eq!(page.status, 200);
        page.assert_says("Link für Jana Müller");
        let link = link_on(&page);
        assert_eq!(link.len(), "/einladung/".len() + 43, "256 bits");
        let key = link.rsplit('/').next().expect("a key");
        assert!(
            world.dump(&[]).iter().all(|row| !row.contains(key)),
            "only a hash is stored"
        );
        assert_eq!(world.rows("outbox_mails", "1 = 1"), 0);
        let files = std::fs::read_dir(world.dir.path().join("outbox")).expect("a directory");
        assert_eq!(files.count(), 0, "whoever reads the outbox finds no link");
        admin
            .visit(USERS)
            .assert_says("Jana@Example.org")
            .assert_says("Eingeladen")
            .assert_silent_about(key);
        assert_eq!(
            newest_entry(world).2,
            r#"{"roles":["E-Mailings","Analysen"],"user":"Jana Müller"}"#
        );

        // Opening changes nothing: programs that check mails follow links.
        let visitor = world.visitor();
        for _ in 0..2 {
            let page = visitor.visit(&link);
            page.assert_says("Eva Admin lädt Sie ein")
                .assert_says("Muster GmbH");
            // With `no-referrer` browsers would hide from us where the form was sent from.
            assert_eq!(page.header("referrer-policy"), Some("same-origin"));
            assert_eq!(
                page.attribute("form [autocomplete=username]", "value")
                    .as_deref(),
                Some("Jana@Example.org")
            );
        }
        let wrong = visitor.post(&link, &[("name", ""), ("password", "kurz")]);
        assert_eq!(wrong.status, 422);
        wrong
            .assert_says("Geben Sie einen Namen ein.")
            .assert_says("mindestens 10 Zeichen");
        let form = [("name", "Jana M."), ("password", "ein langes Passwort")];
        for elsewhere in [
            ("sec-fetch-site", "cross-site"),
            ("origin", "null"),
            ("origin", "http://evil.example"),
        ] {
            let answer = visitor.post_with(&link, &form, &[elsewhere]);
            assert_eq!(answer.status, 403, "{elsewhere:?}");
        }
        // A browser that came by http sends no Fetch Metadata, whatever the host is called.
        let host = "wid.firma.test:18185";
        let own = [("host", host), ("origin", &format!("http://{host}"))];
        assert_eq!(visitor.post_with(&link, &form, &own).status, 303);
        visitor
            .visit("/analysen")
            .assert_says("Angemeldet als Jana M.");
        assert_eq!(visitor.get("/empfaenger").status, 403);
        assert_eq!(world.rows("invitations", "1 = 1"), 0);
        let answer = world.visitor().post(
            "/anmelden",
            &[
                ("email", "jana@example.org"),
                ("password", "ein langes Passwort"),
            ],
        );
        assert_eq!(answer.status, 303);
        admin
            .visit(LOG)
            .assert_says("Einladung angenommen")
            .assert_says("Jana M.");

        // Used up.
        assert_eq!(visitor.get(&link).status, 404);
        let again = accept(world, &link);
        assert_eq!(again.status, 404);
        again.assert_says("Dieser Link gilt nicht mehr");
    }
);

on_both!(with_a_mail_server_only_the_mail_has_the_link, |world| {
    let server = SmtpServer::start::<&str>(&[]);
    world.send_through(server.port, 1, 0);
    let admin = world.admin();
    let page = invite(&admin, JANA);
    assert_eq!(page.status, 303, "{}", page.text());
    let taken = server.next_mail();
    assert_eq!(taken.to, ["Jana@example.org"]);
    assert_eq!(taken.sender, ADMIN);
    let text = read(&taken.message).expect("a mail").text.expect("a text");
    for words in [
        "Jana Müller",
        "Eva Admin",
        "„Muster GmbH“",
        "E-Mailings, Analysen",
    ] {
        assert!(text.contains(words), "{text}");
    }
    let first = path_in(&text);
    world.visitor().visit(&first);

    // Sent anew: the older link holds no longer.
    let path = format!("{USERS}/einladungen/{}", invitation(world));
    admin
        .submit(&format!("{path}/erneut"), &[])
        .assert_says("Die E-Mail mit dem Link ist unterwegs.");
    let text = read(&server.next_mail().message).expect("a mail").text;
    let second = path_in(&text.expect("a text"));
    assert_ne!(first, second);
    assert_eq!(accept(world, &first).status, 404);
    world.visitor().visit(&second);

    // Taken back.
    admin
        .visit(&format!("{path}/zuruecknehmen"))
        .assert_says("Jana Müller");
    admin.submit(&format!("{path}/zuruecknehmen"), &[]);
    assert_eq!(accept(world, &second).status, 404);
    assert_eq!(world.rows("users", "1 = 1"), 1);
    let said: Vec<String> = admin.visit(LOG).all("tbody th");
    assert_eq!(
        said,
        [
            "Einladung zurückgenommen Benutzer und Konto",
            "Einladung erneut gesendet Benutzer und Konto",
            "Benutzer eingeladen Benutzer und Konto",
        ]
    );
    server.assert_nothing_more();
});

on_both!(a_mail_server_that_fails_is_told_of, |world| {
    let gone = {
        let server = SmtpServer::start::<&str>(&[]);
        server.port
    };
    world.send_through(gone, 1, 0);
    let admin = world.admin();
    let page = invite(&admin, JANA);
    assert_eq!(page.status, 200);
    page.assert_says("die E-Mail ist nicht hinausgegangen")
        .assert_silent_about("/einladung/");
    assert_eq!(world.rows("outbox_mails", "1 = 1"), 0);
    admin.visit(USERS).assert_says("Jana Müller");
});

on_both!(an_invitation_runs_out, |world| {
    let admin = world.admin();
    let link = link_on(&invite(&admin, JANA));
    execute(world, "UPDATE invitations SET expires_at = 1");
    assert_eq!(world.visitor().get(&link).status, 404);
    assert_eq!(accept(world, &link).status, 404);
    admin.visit(USERS).assert_says("Abgelaufen");
    let path = format!("{USERS}/einladungen/{}/erneut", invitation(world));
    let renewed = link_on(&admin.post(&path, &[]));
    assert_eq!(accept(world, &renewed).status, 303);
});

on_both!(of_many_who_accept_at_once_one_becomes_a_user, |world| {
    let link = link_on(&invite(&world.admin(), JANA));
    let accepted: usize = std::thread::scope(|scope| {
        let attempts: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| accept(world, &link).status))
            .collect();
        let statuses: Vec<u16> = attempts
            .into_iter()
            .map(|attempt| attempt.join().expect("it ends"))
            .collect();
        assert!(
            statuses.iter().all(|status| [303, 404].contains(status)),
            "{statuses:?}"
        );
        statuses.iter().filter(|status| **status == 303).count()
    });
    assert_eq!(accepted, 1);
    assert_eq!(world.rows("users", "1 = 1"), 2);
});

on_both!(nobody_learns_who_has_an_account_elsewhere, |world| {
    world.make_account("Fremde AG", "fremd@example.com");
    world.make_user("max@example.org", Roles::NONE.with(Role::Reports));
    let admin = world.admin();
    let of = |email: &'static str| [("email", email), ("name", "X"), ("rollen", "versand")];
    let own = invite(&admin, &of("MAX@example.org"));
    assert_eq!(own.status, 422);
    own.assert_says("Diese Adresse gehört schon zu einem Benutzer.");

    let known = invite(&admin, &of("fremd@example.com"));
    let unknown = invite(&admin, &of("niemand@example.com"));
    assert_eq!((known.status, unknown.status), (200, 200));
    let without = |page: &Answer, email: &str| {
        page.html()
            .replace(&link_on(page), "LINK")
            .replace(email, "ADDRESS")
    };
    assert_eq!(
        without(&known, "fremd@example.com"),
        without(&unknown, "niemand@example.com")
    );
    let again = invite(&admin, &of("niemand@example.com"));
    assert_eq!(again.status, 422);
    again.assert_says("Diese Adresse ist schon eingeladen.");

    // Only whoever has the link learns why it does not go.
    let answer = accept(world, &link_on(&known));
    assert_eq!(answer.status, 422);
    answer.assert_says("bei einem anderen Benutzerkonto");
    assert_eq!(world.rows("invitations", "1 = 1"), 2);
    let stranger = number(world, "fremd@example.com");
    let mine = format!("id = {stranger} AND account_id <> {}", world.account_id);
    assert_eq!(world.rows("users", &mine), 1);
    assert_eq!(
        world
            .visitor()
            .post(
                "/anmelden",
                &[("email", "fremd@example.com"), ("password", PASSWORD)]
            )
            .status,
        303,
        "their password is as it was"
    );
});
