//! Pictures for mails: uploaded, shown to everybody, deleted after a question.

use widerspruch::domain::role::{Role, Roles};

use crate::support::agent::{Agent, Answer};
use crate::support::on_both;

/// A picture of one pixel (GIF89a).
const GIF: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

fn upload(agent: &Agent, name: &str, content: &[u8]) -> Answer {
    let head = format!(
        "--grenze-der-teile\r\nContent-Disposition: form-data; name=\"bild\"; filename=\"{name}\"\r\nContent-Type: text/html\r\n\r\n"
    );
    let body = [head.as_bytes(), content, b"\r\n--grenze-der-teile--\r\n"].concat();
    agent.post_body(
        "/e-mailings/bilder",
        "multipart/form-data; boundary=grenze-der-teile",
        &body,
    )
}

on_both!(a_picture_is_uploaded_shown_and_deleted, |world| {
    let admin = world.admin();
    admin
        .visit("/e-mailings/bilder")
        .assert_says("Noch keine Bilder");
    assert_eq!(upload(&admin, "C:\\Bilder\\rose.html", GIF).status, 303);
    assert_eq!(
        upload(&admin, "rose.html", GIF).status,
        303,
        "twice is fine"
    );
    let list = admin.visit("/e-mailings/bilder");
    list.assert_says("2 Bilder")
        .assert_says("rose.html")
        .assert_says("1 × 1 Pixel");
    let address = list.attribute("li img", "src").expect("a picture");
    list.assert_says(&format!(
        "<img src=\"{}{address}\" alt=\"\" width=\"1\">",
        world.url
    ));

    let shown = world.visitor().get(&address);
    assert_eq!(shown.status, 200);
    assert_eq!(shown.body, GIF);
    for (header, value) in [
        ("content-type", "image/gif"),
        ("cache-control", "public, max-age=31536000, immutable"),
        ("x-content-type-options", "nosniff"),
        (
            "content-security-policy",
            "sandbox; default-src 'none'; frame-ancestors 'none'",
        ),
    ] {
        assert_eq!(shown.header(header), Some(value), "{header}");
    }
    assert_eq!(shown.header("set-cookie"), None);
    for wrong in [
        "/bilder/0",
        "/bilder/00000000000000000000000000000000",
        "/bilder/+0000000000000000000000000000000",
        "/bilder/zzzz",
    ] {
        assert_eq!(world.visitor().get(wrong).status, 404, "{wrong}");
    }

    let html = format!("<img src='{}{address}' alt='Rose'>", world.url);
    let written = [
        ("subject", "Rosen"),
        ("sender_address", "a@b.de"),
        ("html", html.as_str()),
    ];
    admin.submit("/e-mailings", &written);
    let link = list
        .attribute(".picture a", "href")
        .expect("a way to delete it");
    admin
        .visit(&link)
        .assert_says("Der Entwurf Rosen")
        .assert_says("Dort bleibt eine Lücke.");
    admin
        .submit(&link, &[])
        .assert_says("Bild gelöscht.")
        .assert_says("1 Bild");
    assert_eq!(world.visitor().get(&address).status, 404);
    assert_eq!(admin.get(&link).status, 404);
});

on_both!(only_pictures_are_taken, |world| {
    let admin = world.admin();
    let mut large = GIF.to_vec();
    large.resize(5 * 1024 * 1024 + 1, 0);
    for (content, message) in [
        (&b""[..], "Wählen Sie ein Bild aus."),
        (
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            "Das ist kein Bild",
        ),
        (b"<script>alert(1)</script>", "Das ist kein Bild"),
        (b"GIF89a", "Das ist kein Bild"),
        (b"\x89PNG\r\n\x1a\n", "Das ist kein Bild"),
        (&large, "größer als 5 MB"),
    ] {
        let answer = upload(&admin, "x.gif", content);
        assert_eq!(answer.status, 422, "{message}");
        answer.assert_says(message);
    }
    assert_eq!(world.rows("pictures", "1 = 1"), 0);

    world.make_user("liest@example.org", Roles::NONE.with(Role::Reports));
    let reader = world.signed_in("liest@example.org");
    assert_eq!(reader.get("/e-mailings/bilder").status, 403);
    assert_eq!(upload(&reader, "x.gif", GIF).status, 403);

    assert_eq!(upload(&admin, "x.gif", GIF).status, 303);
    let link = admin
        .visit("/e-mailings/bilder")
        .attribute(".picture a", "href")
        .expect("a link");
    world.make_account("Andere GmbH", "andere@example.org");
    let other = world.signed_in("andere@example.org");
    assert_eq!(other.get(&link).status, 404);
    assert_eq!(other.post(&link, &[]).status, 404);
    other
        .visit("/e-mailings/bilder")
        .assert_says("Noch keine Bilder");
});
