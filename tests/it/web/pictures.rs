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

on_both!(each_kind_of_picture_is_served_as_what_it_is, |world| {
    // The first bytes of each kind, as far as they tell the size.
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x03\0\0\0\x02\x08\x02\0\0\0";
    let jpeg = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xc0\0\x0b\x08\0\x02\0\x03\x01\x01\x11\0\xff\xd9";
    let webp = b"RIFF\x1a\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x02\0\0\x01\0\0";
    let admin = world.admin();
    for (content, kind) in [
        (&png[..], "image/png"),
        (&jpeg[..], "image/jpeg"),
        (&webp[..], "image/webp"),
    ] {
        let answer = upload(&admin, "als.html", content);
        assert_eq!(answer.status, 303, "{kind}: {}", answer.text());
        let list = admin.visit("/e-mailings/bilder");
        list.assert_says("3 × 2 Pixel");
        let address = list.attribute("li img", "src").expect("the newest");
        let shown = world.visitor().get(&address);
        assert_eq!(shown.header("content-type"), Some(kind));
        assert_eq!(shown.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(shown.body, content);
    }
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
    other
        .visit("/e-mailings/neu")
        .assert_says("Noch kein Bild ist hochgeladen.");
    assert_eq!(world.rows("pictures", "1 = 1"), 1, "it is still there");

    // Its own account finds it where mails are written, as HTML and as MJML.
    let editor = admin.visit("/e-mailings/neu");
    let path = editor
        .attribute(".picture img", "src")
        .expect("the picture");
    for snippet in [
        format!("<img src=\"{}{path}\" alt=\"\" width=\"1\">", world.url),
        format!(
            "<mj-image src=\"{}{path}\" alt=\"\" width=\"1px\" />",
            world.url
        ),
    ] {
        assert!(editor.all("pre").contains(&snippet), "{snippet}");
    }
});
