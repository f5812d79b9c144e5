//! Bodies that say they are compressed: nothing is ever unpacked, so nothing can burst.

use crate::support::on_both;

/// The head of a gzip stream (RFC 1952), and something that is none any more.
fn bomb() -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    bytes.extend(std::iter::repeat_n(0xed, 1_019));
    bytes
}

on_both!(nothing_is_unpacked, |world| {
    let admin = world.admin();
    let before = world.snapshot(&["sessions"]);
    for encoding in ["gzip", "deflate", "br", "zstd", "gzip, gzip, gzip"] {
        for (path, kind) in [
            ("/gruppen", "application/x-www-form-urlencoded"),
            ("/empfaenger/neu", "application/x-www-form-urlencoded"),
            ("/empfaenger/import", "multipart/form-data; boundary=x"),
            ("/e-mailings/bilder", "multipart/form-data; boundary=x"),
        ] {
            let headers = [("content-type", kind), ("content-encoding", encoding)];
            let answer = admin.post_body_with(path, &headers, &bomb());
            let what = format!("{path} {encoding}: {} {}", answer.status, answer.text());
            assert!((400..500).contains(&answer.status), "{what}");
        }
    }
    assert_eq!(world.snapshot(&["sessions"]), before);
});
