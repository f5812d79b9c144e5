//! *Signatur (DKIM)*: keys, their records, and mails that are signed with them.

use widerspruch::db::models::{audit, dkim_keys};
use widerspruch::domain::secret::hex;
use widerspruch::domain::signature::SignatureAlgorithm;
use widerspruch::mail::dkim::DnsRecord;

use crate::support::agent::Answer;
use crate::support::python::{SmtpServer, check_dkim};
use crate::support::{World, on_both};

const HERE: &str = "/benutzerkonto/versand/signatur";

/// The numbers of the account's keys, RSA first, the newest of each first.
fn keys(world: &World) -> Vec<i64> {
    world.read(|conn| {
        let keys = dkim_keys::of_account(conn, world.account_id)?;
        Ok(keys.into_iter().map(|key| key.id).collect())
    })
}

/// The record of a key, as the page shows it.
fn shown(page: &Answer, key: i64) -> DnsRecord {
    let one = |part: &str| {
        let found = page.all(&format!("#eintrag-{key}-{part}"));
        assert_eq!(found.len(), 1, "{part} of {key}");
        found[0].clone()
    };
    DnsRecord {
        name: one("name"),
        value: one("wert"),
    }
}

on_both!(keys_are_made_and_shown_ready_to_copy, |world| {
    let admin = world.admin();
    let page = admin.visit(HERE);
    page.assert_says("Schlüssel erzeugen");
    assert_eq!(
        page.attribute("#domain", "value").as_deref(),
        Some("example.org"),
        "that of the user's address"
    );
    let page = admin.submit(HERE, &[("domain", " Post@Moosbüchel.example ")]);
    page.assert_says("moosbüchel.example (xn--moosbchel-u9a.example)")
        .assert_says("v=DMARC1; p=none; rua=mailto:postmaster@xn--moosbchel-u9a.example")
        .assert_says("v=spf1 mx ~all");
    let ids = keys(world);
    assert_eq!(ids.len(), 2);
    for (id, begins) in [
        (ids[0], "v=DKIM1; k=rsa; p=MIIBIjAN"),
        (ids[1], "v=DKIM1; k=ed25519; p="),
    ] {
        let record = shown(&page, id);
        assert!(record.value.starts_with(begins), "{record:?}");
        let (selector, rest) = record.name.split_once('.').expect("a dot");
        assert_eq!(rest, "_domainkey.xn--moosbchel-u9a.example");
        assert!(selector.starts_with(if id == ids[0] { "rsa-" } else { "ed25519-" }));
    }
    // The long value is there in parts as well.
    let quoted = shown(&page, ids[0]).quoted();
    assert!(page.all("details code").contains(&quoted));

    for wrong in ["", "localhost", "a b.de", "xn--moosbchel-u9a.example"] {
        let answer = admin.post(HERE, &[("domain", wrong)]);
        assert_eq!(answer.status, 422, "{wrong}");
        assert_eq!(answer.attribute("#domain", "value").as_deref(), Some(wrong));
        assert_eq!(answer.all("#domain-error").len(), 1);
    }
    assert_eq!(keys(world).len(), 2);
});

on_both!(private_keys_are_sealed, |world| {
    let admin = world.admin();
    admin.submit(HERE, &[("domain", "example.org")]);
    let kept = world.read(|conn| dkim_keys::active(conn, world.account_id, "example.org"));
    assert!(kept.is_empty(), "nothing is signed before somebody says so");
    let dump = world.dump(&[]).join("\n").to_lowercase();
    for key in world.read(|conn| dkim_keys::of_account(conn, world.account_id)) {
        let place = dkim_keys::place(world.account_id, "example.org", &key.selector);
        let open = world.state.sealer.open(&place, &key.private_key);
        let open = open.expect("it opens");
        let middle = &open[open.len() / 2..open.len() / 2 + 12];
        assert!(!dump.contains(&hex(middle)));
        // The control: what is public is there.
        assert!(dump.contains(&key.public_key.to_lowercase()));
        let elsewhere = dkim_keys::place(world.account_id + 1, "example.org", &key.selector);
        assert!(
            world
                .state
                .sealer
                .open(&elsewhere, &key.private_key)
                .is_err()
        );
    }
});

on_both!(a_new_key_takes_over_from_the_old_one, |world| {
    let admin = world.admin();
    admin.submit(HERE, &[("domain", "example.org")]);
    let old = keys(world)[0];
    admin
        .submit(&format!("{HERE}/{old}/aktivieren"), &[])
        .assert_says("Aktiviert");
    let active = || {
        let keys = world.read(|conn| dkim_keys::active(conn, world.account_id, "example.org"));
        keys.iter()
            .map(|key| (key.id, key.algorithm))
            .collect::<Vec<_>>()
    };
    assert_eq!(active(), [(old, SignatureAlgorithm::Rsa)]);
    let page = admin.submit(&format!("{HERE}/{old}/neu"), &[]);
    page.assert_says("gibt es einen neueren Schlüssel");
    assert_eq!(
        active(),
        [(old, SignatureAlgorithm::Rsa)],
        "it goes on signing"
    );
    let new = keys(world)[0];
    assert_ne!(new, old);
    assert_ne!(shown(&page, new), shown(&page, old));

    // What signs can't be removed.
    admin
        .visit(&format!("{HERE}/{old}/loeschen"))
        .assert_says("Deaktivieren Sie ihn zuerst");
    assert_eq!(
        admin.post(&format!("{HERE}/{old}/loeschen"), &[]).status,
        409
    );
    admin.submit(&format!("{HERE}/{new}/aktivieren"), &[]);
    assert_eq!(active(), [(new, SignatureAlgorithm::Rsa)]);
    admin
        .visit(&format!("{HERE}/{old}/loeschen"))
        .assert_says("wird endgültig gelöscht");
    admin.submit(&format!("{HERE}/{old}/loeschen"), &[]);
    assert!(!keys(world).contains(&old));
    admin.submit(&format!("{HERE}/{new}/deaktivieren"), &[]);
    assert_eq!(active(), []);

    let entries = world.read(|conn| audit::newest(conn, world.account_id, 20));
    let actions: Vec<_> = entries
        .iter()
        .rev()
        .map(|entry| entry.action.as_str())
        .collect();
    assert_eq!(
        actions,
        [
            "signing_key_made",
            "signing_key_made",
            "signing_key_on",
            "signing_key_made",
            "signing_key_on",
            "signing_key_removed",
            "signing_key_off",
        ]
    );
});

on_both!(a_test_mail_is_signed_as_the_page_promises, |world| {
    let admin = world.admin();
    let server = SmtpServer::start::<&str>(&[]);
    let port = server.port.to_string();
    admin.submit(
        "/benutzerkonto/versand",
        &[
            ("host", "127.0.0.1"),
            ("port", &port),
            ("encryption", "none"),
            ("connections", "1"),
        ],
    );
    admin.submit(HERE, &[("domain", "example.org")]);
    for key in keys(world) {
        admin.submit(&format!("{HERE}/{key}/aktivieren"), &[]);
    }
    let page = admin.visit(HERE);
    page.assert_says("v=spf1 mx a:127.0.0.1 ~all");
    let records: Vec<_> = keys(world)
        .into_iter()
        .map(|key| shown(&page, key))
        .collect();
    admin
        .visit("/benutzerkonto/versand")
        .assert_says("signiert mit RSA mit 2048 Bit und Ed25519");

    let send = |from: &str| {
        let form = [("from", from), ("to", "anna@example.com")];
        let answer = admin.post("/benutzerkonto/versand/testmail", &form);
        answer.assert_says("hat die Testmail angenommen");
        (answer, server.next_mail())
    };
    let (answer, mail) = send("Eva@Example.org");
    answer.assert_says("Sie ist signiert");
    let checked = check_dkim(&mail.message, &records);
    assert_eq!(checked.len(), 2);
    assert!(checked.iter().all(|one| one.holds), "{checked:?}");

    // Another domain, and another account with the same domain, have no key.
    let (answer, mail) = send("eva@other.example");
    answer.assert_says("Sie ist nicht signiert");
    assert!(check_dkim(&mail.message, &records).is_empty());
    world.make_account("Fremde AG", "fremd@example.com");
    let stranger = world.signed_in("fremd@example.com");
    stranger.visit(HERE).assert_silent_about("_domainkey");
});
