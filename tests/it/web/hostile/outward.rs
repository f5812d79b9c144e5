//! Nothing in a mail makes the server ask elsewhere (SSRF): whoever writes one can't reach what
//! only this machine reaches.

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};

use widerspruch::domain::tracking::RecipientTracking;

use crate::mailings::{group, person, send};
use crate::support::agent::Agent;
use crate::support::on_both;

/// Something inside, which must hear nothing.
struct Inside {
    listener: TcpListener,
}

impl Inside {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("it does not wait");
        Self { listener }
    }

    fn url(&self) -> String {
        format!("http://{}", self.listener.local_addr().expect("an address"))
    }

    fn was_asked(&self) -> bool {
        match self.listener.accept() {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                false
            }
        }
    }
}

fn html(inside: &str) -> String {
    format!(
        "<html><head><link rel=\"stylesheet\" href=\"{inside}/a.css\">\
         <style>@import url({inside}/b.css); p {{ background: url('{inside}/c.png') }}</style></head>\
         <body background=\"{inside}/d.png\"><p>Hallo</p><img src=\"{inside}/e.png\">\
         <img srcset=\"{inside}/f.png 2x\"><iframe src=\"{inside}/g\"></iframe>\
         <object data=\"{inside}/h\"></object><video poster=\"{inside}/i\"></video>\
         <a href=\"{inside}/j\" ping=\"{inside}/k\">Link</a>\
         <svg><image href=\"{inside}/l.svg\"/></svg></body></html>"
    )
}

fn mjml(inside: &str) -> String {
    format!(
        "<mjml><mj-head><mj-font name=\"X\" href=\"{inside}/a.css\" />\
         <mj-style inline=\"inline\">@import url({inside}/b.css);</mj-style></mj-head>\
         <mj-body background-url=\"{inside}/c.png\"><mj-section background-url=\"{inside}/d.png\">\
         <mj-column><mj-image src=\"{inside}/e.png\" /><mj-text>Hallo</mj-text>\
         <mj-button href=\"{inside}/f\">Link</mj-button></mj-column></mj-section></mj-body></mjml>"
    )
}

/// Saves it, looks at it in every way, sends it and opens the mail.
fn go_through(world: &crate::support::World, admin: &Agent, source: &str, group: i64) -> i64 {
    let made = admin.post(
        "/e-mailings",
        &[
            ("subject", "Neues"),
            ("sender_address", "post@example.org"),
            ("html", source),
            ("groups", &group.to_string()),
        ],
    );
    assert_eq!(made.status, 303, "{}", made.text());
    let path = made.location().expect("a page");
    let path = path.split('?').next().unwrap_or_default();
    admin.visit(path);
    admin.visit(&format!("{path}/vorschau"));
    admin.visit(&format!("{path}/vorschau/inhalt"));
    admin.post(&format!("{path}/testmail"), &[("to", "eva@example.org")]);
    admin.visit(&format!("{path}/senden"));
    let id = path.rsplit('/').next().and_then(|id| id.parse().ok());
    let mailing = send(world, id.expect("a number"));
    admin.visit("/postausgang");
    admin.visit(&format!("/analysen/{}/e-mail", mailing.id));
    mailing.handed
}

on_both!(nothing_in_a_mail_makes_the_server_ask_elsewhere, |world| {
    let inside = Inside::start();
    let all = group(world, "Alle");
    person(world, all, "anna@example.org", RecipientTracking::Unset);
    let admin = world.admin();
    for source in [html(&inside.url()), mjml(&inside.url())] {
        assert_eq!(go_through(world, &admin, &source, all), 1);
        assert!(!inside.was_asked(), "{source}");
    }
    let include = format!(
        "<mjml><mj-body><mj-include path=\"{}/x.mjml\" /></mj-body></mjml>",
        inside.url()
    );
    admin.post(
        "/e-mailings",
        &[
            ("subject", "x"),
            ("sender_address", "post@example.org"),
            ("html", &include),
        ],
    );
    assert!(!inside.was_asked());

    // The control: it would have heard.
    let address = inside.listener.local_addr().expect("an address");
    let caller = TcpStream::connect(address).expect("a connection");
    assert!(inside.was_asked());
    drop(caller);
});
