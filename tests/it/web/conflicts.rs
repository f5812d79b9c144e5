//! Several people at one form: nobody saves over what somebody else saved meanwhile without seeing
//! it, and nothing that was typed is lost.

use widerspruch::db::models::{groups as group_models, mailings, recipients};
use widerspruch::domain::role::Roles;
use widerspruch::domain::time::Timestamp;
use widerspruch::domain::tracking::{RecipientTracking, TrackingSource};
use widerspruch::tracking::settings;

use super::recipients::{add, by_address, group};
use crate::support::agent::{Agent, Answer};
use crate::support::{World, on_both};

const OTHER: &str = "tom.andere@example.org";

/// Two administrators of one account.
fn two(world: &World) -> (Agent, Agent) {
    let all = widerspruch::domain::role::Role::ALL;
    let all = all.into_iter().fold(Roles::NONE, Roles::with);
    world.make_user(OTHER, all);
    (world.admin(), world.signed_in(OTHER))
}

/// A page's form as its browser sends it, with some fields typed anew.
fn typed(page: &Answer, action: &str, changes: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut fields = page.form(action);
    for (name, value) in changes {
        match fields.iter_mut().find(|(of, _)| of == name) {
            Some(field) => (*value).clone_into(&mut field.1),
            None => fields.push(((*name).to_owned(), (*value).to_owned())),
        }
    }
    fields
}

fn send(agent: &Agent, path: &str, fields: &[(String, String)]) -> Answer {
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    agent.post(path, &fields)
}

/// Both open a form, the second one saves, then the first: sees both states, and can save after all.
fn both_save(
    world: &World,
    (page, action): (&str, &str),
    second: &[(&str, &str)],
    first: &[(&str, &str)],
) -> Answer {
    let (eva, tom) = two(world);
    let opened = (eva.visit(page), tom.visit(page));
    let saved = send(&tom, action, &typed(&opened.1, action, second));
    assert_eq!(saved.status, 303, "{}", saved.text());
    let mine = typed(&opened.0, action, first);
    let answer = send(&eva, action, &mine);
    assert_eq!(answer.status, 409, "{}", answer.text());
    answer.assert_says("Inzwischen wurde hier etwas anderes gespeichert");
    for (_, value) in first.iter().chain(second) {
        answer.assert_says(value.lines().next().unwrap_or_default());
    }
    // What lies in the form now is what both wanted; saved as it is, it stays so.
    let again = answer.form(action);
    for (name, value) in first {
        assert!(
            again.contains(&((*name).to_owned(), (*value).to_owned())),
            "{again:?}"
        );
    }
    let saved = send(&eva, action, &again);
    assert_eq!(saved.status, 303, "{}", saved.text());
    answer
}

on_both!(the_data_of_a_recipient, |world| {
    let id = add(world, world.account_id, "jana@example.org", "Jana", "Weiß");
    let path = format!("/empfaenger/{id}");
    let other = [
        ("email", "jana.neu@example.org"),
        ("nachname", "Schwarz"),
        ("neues-feld", "kundennr"),
        ("neuer-wert", "4711"),
    ];
    let (eva, tom) = two(world);
    let (of_eva, of_tom) = (eva.visit(&path), tom.visit(&path));
    let saved = send(&tom, &path, &typed(&of_tom, &path, &other));
    assert_eq!(saved.status, 303);
    let mine = typed(&of_eva, &path, &[("vorname", "Johanna")]);
    let answer = send(&eva, &path, &mine);
    assert_eq!(answer.status, 409);
    answer
        .assert_says("Zuletzt gespeichert hat Max Benutzer am")
        .assert_says("Johanna")
        .assert_says("Schwarz")
        .assert_says("jana.neu@example.org")
        .assert_says("4711");
    let stored = by_address(world, "jana.neu@example.org").expect("still Tom's state");
    assert_eq!(stored.first_name, "Jana");
    let saved = send(&eva, &path, &answer.form(&path));
    assert_eq!(saved.status, 303, "{}", saved.text());
    let both = by_address(world, "jana.neu@example.org").expect("both");
    assert_eq!(
        (both.first_name.as_str(), both.last_name.as_str()),
        ("Johanna", "Schwarz")
    );
    assert_eq!(both.fields, r#"{"kundennr":"4711"}"#);
});

on_both!(
    what_is_shown_again_after_an_error_is_still_compared,
    |world| {
        let id = add(world, world.account_id, "jana@example.org", "Jana", "Weiß");
        let path = format!("/empfaenger/{id}");
        let (eva, tom) = two(world);
        let opened = eva.visit(&path);
        let wrong = send(&eva, &path, &typed(&opened, &path, &[("email", "keine")]));
        assert_eq!(wrong.status, 422);
        let page = tom.visit(&path);
        send(
            &tom,
            &path,
            &typed(&page, &path, &[("nachname", "Schwarz")]),
        );
        let right = typed(&wrong, &path, &[("email", "jana@example.com")]);
        assert_eq!(send(&eva, &path, &right).status, 409);
    }
);

on_both!(the_same_twice_is_no_conflict, |world| {
    let id = add(world, world.account_id, "jana@example.org", "Jana", "Weiß");
    let path = format!("/empfaenger/{id}");
    let eva = world.admin();
    let mine = typed(&eva.visit(&path), &path, &[("vorname", "Johanna")]);
    assert_eq!(send(&eva, &path, &mine).status, 303);
    assert_eq!(send(&eva, &path, &mine).status, 303, "a request sent again");
});

on_both!(an_import_is_somebody_else_too, |world| {
    let id = add(world, world.account_id, "jana@example.org", "Jana", "Weiß");
    let path = format!("/empfaenger/{id}");
    let eva = world.admin();
    let opened = eva.visit(&path);
    let program = world.program();
    let data =
        serde_json::json!({"email": "jana@example.org", "first_name": "Jana", "last_name": "Rot"});
    program
        .put(&format!("/api/v1/recipients/{id}"), &data)
        .expect(200);
    let answer = send(
        &eva,
        &path,
        &typed(&opened, &path, &[("vorname", "Johanna")]),
    );
    assert_eq!(answer.status, 409);
    answer
        .assert_says("Rot")
        .assert_silent_about("Zuletzt gespeichert hat");
});

on_both!(groups_save_what_was_ticked_and_unticked, |world| {
    let id = add(world, world.account_id, "jana@example.org", "", "");
    let (stays, leaves, comes, meanwhile) = (
        group(world, "Bleibt", &[id]),
        group(world, "Geht", &[id]),
        group(world, "Kommt", &[]),
        group(world, "Inzwischen", &[]),
    );
    let eva = world.admin();
    let path = format!("/empfaenger/{id}/gruppen");
    let opened = eva.visit(&path);
    world.write(|conn| {
        let now = Timestamp::now();
        group_models::add_members(conn, world.account_id, meanwhile, &[id], now)?;
        group_models::remove_member(conn, world.account_id, stays, id)
    });
    let mut form = opened.form(&path);
    form.retain(|(name, value)| name != "gruppen" || *value != leaves.to_string());
    form.push(("gruppen".to_owned(), comes.to_string()));
    assert_eq!(send(&eva, &path, &form).status, 303);
    let now = world.read(|conn| group_models::of_recipient(conn, world.account_id, id));
    let names: Vec<_> = now.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["Inzwischen", "Kommt"]);
});

on_both!(a_draft, |world| {
    let content = mailings::Content {
        subject: "Herbst",
        sender_name: "",
        sender_address: "post@example.org",
        html: "<p>Hallo</p>",
        mjml: "",
        text: "",
        groups: &[],
    };
    let account = world.account_id;
    let id = world.write(|conn| mailings::create(conn, account, &content, Timestamp::now()));
    let path = format!("/e-mailings/{id}");
    let answer = both_save(
        world,
        (&path, &path),
        &[("html", "<p>Von Tom</p>")],
        &[("subject", "Winter")],
    );
    answer.assert_says("Zuletzt gespeichert hat Max Benutzer am");
    let stored = world.read(|conn| mailings::find(conn, account, id));
    assert_eq!(
        (stored.subject.as_str(), stored.html.as_str()),
        ("Winter", "<p>Von Tom</p>")
    );
});

on_both!(a_draft_is_begun_once, |world| {
    let eva = world.admin();
    let page = eva.visit("/e-mailings/neu");
    let mine = typed(
        &page,
        "/e-mailings",
        &[("subject", "Neu"), ("html", "<p>Neu</p>")],
    );
    let first = send(&eva, "/e-mailings", &mine);
    let second = send(&eva, "/e-mailings", &mine);
    assert_eq!((first.status, second.status), (303, 303));
    assert_eq!(first.location(), second.location());
    assert_eq!(world.rows("mailings", "1 = 1"), 1);
});

on_both!(a_group, |world| {
    let id = group(world, "Alt", &[]);
    let path = format!("/gruppen/{id}");
    let form = (path.as_str(), path.as_str());
    both_save(world, form, &[("name", "Von Tom")], &[("name", "Von Eva")])
        .assert_says("Zuletzt gespeichert hat Max Benutzer am");
});

on_both!(a_signup_form, |world| {
    let id = world.make_signup_form_with_group("Newsletter");
    let path = format!("/anmeldeformulare/{id}");
    let form = (path.as_str(), path.as_str());
    let second = [("einwilligung", "Ja, gern.\nJederzeit.")];
    both_save(world, form, &second, &[("titel", "Rundbrief")]);
});

/// What somebody types into a form: names and values.
type Typed = &'static [(&'static str, &'static str)];

on_both!(settings_of_the_account, |world| {
    let (eva, tom) = two(world);
    let mail = |tab: &'static str| (tab, tab);
    let forms: [((&str, &str), Typed, Typed); 6] = [
        (
            mail("/benutzerkonto"),
            &[("name", "Von Tom")],
            &[("name", "Von Eva")],
        ),
        (
            mail("/benutzerkonto/aufbewahrung"),
            &[("monate", "12")],
            &[("monate", "24")],
        ),
        (
            mail("/benutzerkonto/versand"),
            &[("host", "smtp.tom.example")],
            &[("host", "smtp.eva.example"), ("port", "465")],
        ),
        (
            mail("/benutzerkonto/ruecklaeufer"),
            &[
                ("host", "imap.tom.example"),
                ("username", "tom"),
                ("password", "geheim-tom"),
            ],
            &[
                ("host", "imap.eva.example"),
                ("username", "eva"),
                ("password", "geheim-eva"),
            ],
        ),
        (
            (
                "/benutzerkonto/ruecklaeufer",
                "/benutzerkonto/ruecklaeufer/grenze",
            ),
            &[("limit", "7")],
            &[("limit", "9")],
        ),
        (
            (
                "/benutzerkonto/protokoll",
                "/benutzerkonto/protokoll/aufbewahrung",
            ),
            &[("jahre", "5")],
            &[("jahre", "1")],
        ),
    ];
    for ((page, action), second, first) in forms {
        let (of_eva, of_tom) = (eva.visit(page), tom.visit(page));
        let saved = send(&tom, action, &typed(&of_tom, action, second));
        assert_eq!(saved.status, 303, "{action}: {}", saved.text());
        let answer = send(&eva, action, &typed(&of_eva, action, first));
        assert_eq!(answer.status, 409, "{action}: {}", answer.text());
        let again = answer.form(action);
        for (name, value) in first.iter().filter(|(name, _)| *name != "password") {
            assert!(
                again.contains(&((*name).to_owned(), (*value).to_owned())),
                "{again:?}"
            );
        }
        answer.assert_silent_about("geheim-eva");
        let again = typed(&answer, action, first);
        assert_eq!(send(&eva, action, &again).status, 303, "{action}");
    }
});

on_both!(the_tracking_options_of_the_account, |world| {
    let (eva, tom) = two(world);
    let (page, action) = (
        "/benutzerkonto/tracking",
        "/benutzerkonto/tracking/einstellungen",
    );
    let (of_eva, of_tom) = (eva.visit(page), tom.visit(page));
    let mut unticked = of_tom.form(action);
    unticked.retain(|(name, _)| name != "remember");
    assert_eq!(send(&tom, action, &unticked).status, 303);
    let answer = send(&eva, action, &typed(&of_eva, action, &[("rest", "nichts")]));
    assert_eq!(answer.status, 409);
    assert_eq!(send(&eva, action, &answer.form(action)).status, 303);
    let account =
        world.read(|conn| widerspruch::db::models::accounts::find(conn, world.account_id));
    assert!(!account.count_anonymously && !account.remember_objections);
});

on_both!(a_user, |world| {
    world.make_user(
        "dritte@example.org",
        Roles::NONE.with(widerspruch::domain::role::Role::Reports),
    );
    let email = "dritte@example.org";
    let user = world.read(|conn| widerspruch::db::models::users::find_by_email(conn, email));
    let path = format!("/benutzerkonto/benutzer/{}", user.expect("made").id);
    let form = (path.as_str(), path.as_str());
    both_save(world, form, &[("name", "Von Tom")], &[("name", "Von Eva")]);
});

on_both!(nobody_decides_over_what_was_said_meanwhile, |world| {
    let id = add(world, world.account_id, "jana@example.org", "", "");
    let account = world.account_id;
    let eva = world.admin();
    let object = || {
        let actor = widerspruch::db::models::audit::Actor::Recipient;
        world.write(|conn| {
            let (source, now) = (TrackingSource::Recipient, Timestamp::now());
            settings::object(conn, account, id, source, &actor, now)
        });
    };
    let said = || {
        world
            .read(|conn| recipients::find(conn, account, id))
            .tracking
    };
    // A consent is about to be entered while the person objects.
    let path = format!("/empfaenger/{id}/tracking/einwilligung");
    let page = eva.visit(&path);
    object();
    let evidence = [
        ("erteilt", "2026-11-24"),
        ("wie", "Brief"),
        ("wortlaut", "Ja."),
        ("anlass", "selbst"),
    ];
    let answer = send(&eva, &path, &typed(&page, &path, &evidence));
    assert!([409, 422].contains(&answer.status), "{}", answer.text());
    assert_eq!(said(), RecipientTracking::Objected);
    // It is lifted, and about to be lifted once more while the person objects again.
    let path = format!("/empfaenger/{id}/tracking/aufheben");
    let page = eva.visit(&path);
    let reason = [("reason", "Bat am Telefon darum.")];
    assert_eq!(send(&eva, &path, &typed(&page, &path, &reason)).status, 303);
    object();
    let answer = send(&eva, &path, &typed(&page, &path, &reason));
    assert_eq!(answer.status, 409);
    answer.assert_says("Empfänger selbst");
    assert_eq!(said(), RecipientTracking::Objected);
    assert!(answer.html().contains("Bat am Telefon darum."));
});

on_both!(of_many_at_once_one_saves, |world| {
    let id = add(world, world.account_id, "jana@example.org", "Jana", "");
    let path = format!("/empfaenger/{id}");
    let agents: Vec<Agent> = (0..6).map(|_| world.admin()).collect();
    let forms: Vec<_> = agents
        .iter()
        .enumerate()
        .map(|(n, agent)| {
            typed(
                &agent.visit(&path),
                &path,
                &[("vorname", &format!("Jana {n}"))],
            )
        })
        .collect();
    let together = std::sync::Barrier::new(agents.len());
    let (agents, together, path) = (&agents, &together, &path);
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let running: Vec<_> = agents
            .iter()
            .zip(&forms)
            .map(|(agent, form)| {
                scope.spawn(move || {
                    together.wait();
                    send(agent, path, form).status
                })
            })
            .collect();
        running
            .into_iter()
            .map(|thread| thread.join().expect("an answer"))
            .collect()
    });
    let count = |status| answers.iter().filter(|answer| **answer == status).count();
    assert_eq!(
        (count(303), count(409)),
        (1, agents.len() - 1),
        "{answers:?}"
    );
});

on_both!(
    the_script_that_saves_drafts_is_told_what_became_of_them,
    |world| {
        let eva = world.admin();
        let page = eva.visit("/e-mailings/neu");
        let json = [("accept", "application/json")];
        let save = |path: &str, fields: &[(String, String)]| {
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            let answer = eva.post_with(path, &fields, &json);
            let said: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
            (answer.status, said)
        };
        let empty = typed(&page, "/e-mailings", &[("subject", "Neu")]);
        let (status, said) = save("/e-mailings", &empty);
        assert_eq!(
            (status, &said["why"]),
            (422, &"Geben Sie den Inhalt ein.".into())
        );
        let mine = typed(
            &page,
            "/e-mailings",
            &[("subject", "Neu"), ("html", "<p>Eins</p>")],
        );
        let (status, said) = save("/e-mailings", &mine);
        assert_eq!(status, 200, "{said}");
        let path = said["path"].as_str().expect("a path").to_owned();
        let stamp = said["stand"].as_str().expect("a stamp").to_owned();
        let again = save("/e-mailings", &mine);
        assert_eq!(again.1["path"], path, "an answer that got lost");
        let next = |stamp: &str, html: &str| {
            let mut fields = mine.clone();
            for (name, value) in &mut fields {
                match name.as_str() {
                    "stand" => stamp.clone_into(value),
                    "html" => html.clone_into(value),
                    _ => {}
                }
            }
            fields
        };
        let (status, _) = save(&path, &next(&stamp, "<p>Zwei</p>"));
        assert_eq!(status, 200);
        let (status, said) = save(&path, &next(&stamp, "<p>Drei</p>"));
        assert_eq!(status, 409, "another tab has saved since: {said}");
        assert_eq!(world.rows("mailings", "1 = 1"), 1);
    }
);
