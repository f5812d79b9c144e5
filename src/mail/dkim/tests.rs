use ring::signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use sha2::{Digest, Sha256};

use super::canonical::{self, Header};
use super::private_key::PrivateKey;
use super::*;

#[test]
fn the_relaxed_form_is_that_of_the_standards_example() {
    // RFC 6376, 3.4.5.
    let message = b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n";
    let (headers, body) = canonical::split(message);
    let relaxed: Vec<_> = headers
        .iter()
        .map(|header| {
            let mut text = Vec::new();
            canonical::add_header(*header, &mut text);
            String::from_utf8(text).unwrap()
        })
        .collect();
    assert_eq!(relaxed, ["a:X", "b:Y Z"]);
    assert_eq!(canonical::body(body), b" C\r\nD E\r\n");
}

#[test]
fn the_relaxed_form_of_nothing_is_nothing() {
    // RFC 6376, 3.4.4: unlike the simple form, which is one line end.
    assert_eq!(canonical::body(b""), b"");
    assert_eq!(canonical::body(b" \t\r\n\r\n"), b"");
    assert_eq!(canonical::body(b"a"), b"a\r\n");
    assert_eq!(
        canonical::body(b"a\rb\r\n\r\n\r\nc"),
        b"a\rb\r\n\r\n\r\nc\r\n"
    );
}

#[test]
fn a_message_is_split_at_its_first_empty_line() {
    let (headers, body) = canonical::split(b"A: b\r\n c\r\nD:e\r\n\r\nF: g\r\n");
    let header = |name: &'static [u8], value: &'static [u8]| Header { name, value };
    assert_eq!(headers, [header(b"A", b" b\r\n c"), header(b"D", b"e")]);
    assert_eq!(body, b"F: g\r\n");
    assert_eq!(
        canonical::split(b"A: b"),
        (vec![header(b"A", b" b")], &b""[..])
    );
}

#[test]
fn a_record_is_what_a_provider_wants() {
    let keys = make_keys(SignatureAlgorithm::Rsa).unwrap();
    let record = DnsRecord::of_key(
        "news.example",
        "rsa-2611-abcd",
        SignatureAlgorithm::Rsa,
        &keys.public_key,
    );
    assert_eq!(record.name, "rsa-2611-abcd._domainkey.news.example");
    assert!(
        record.value.starts_with("v=DKIM1; k=rsa; p=MIIBIjANBgkq"),
        "{record:?}"
    );
    let strings = record.strings();
    assert_eq!(strings.len(), 2);
    assert!(strings.iter().all(|string| string.len() <= LONGEST_STRING));
    assert_eq!(strings.concat(), record.value);
    assert_eq!(
        record.quoted(),
        format!("\"{}\" \"{}\"", strings[0], strings[1])
    );

    let keys = make_keys(SignatureAlgorithm::Ed25519).unwrap();
    let record = DnsRecord::of_key(
        "news.example",
        "s",
        SignatureAlgorithm::Ed25519,
        &keys.public_key,
    );
    // RFC 8463, 4.2: 32 bytes.
    assert_eq!(STANDARD.decode(&keys.public_key).unwrap().len(), 32);
    assert_eq!(record.quoted(), format!("\"{}\"", record.value));
}

#[test]
fn selectors_are_names_that_differ() {
    let now = Timestamp(1_772_617_509_000);
    let selector = || new_selector(SignatureAlgorithm::Ed25519, now).unwrap();
    let one = selector();
    assert!(one.starts_with("ed25519-2603-") && one.len() == 17, "{one}");
    assert_ne!(one, selector());
}

#[test]
fn a_key_that_was_kept_signs_as_the_one_that_was_made() {
    let keys = make_keys(SignatureAlgorithm::Ed25519).unwrap();
    let signer = Signer::new("news.example")
        .with_key(SignatureAlgorithm::Ed25519, "s", &keys.private_key)
        .unwrap();
    let message = b"From: a@news.example\r\nSubject: Hallo\r\n\r\nText\r\n";
    let mail = signer.sign(message, Timestamp(5_000)).unwrap();
    let text = String::from_utf8(mail).unwrap();
    let (own, rest) = text.split_at(text.len() - message.len());
    assert_eq!(rest.as_bytes(), message);
    assert!(own.starts_with("DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n"));
    assert!(own.contains(" t=5;"), "{own}");
    assert!(own.lines().all(|line| line.len() <= 78), "{own}");

    // What is signed, put together by hand.
    let (head, signature) = own.split_once(" b=").unwrap();
    let head = head.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    let head = head.replace("DKIM-Signature: ", "dkim-signature:");
    let data = format!("from:a@news.example\r\nsubject:Hallo\r\n{head} b=");
    let signature: String = signature.split_ascii_whitespace().collect();
    let public = STANDARD.decode(&keys.public_key).unwrap();
    UnparsedPublicKey::new(&ED25519, public)
        .verify(
            &Sha256::digest(data.as_bytes()),
            &STANDARD.decode(signature).unwrap(),
        )
        .expect(&data);
}

#[test]
fn what_is_no_key_is_refused() {
    let signer = Signer::new("news.example");
    let outcome = signer.with_key(SignatureAlgorithm::Rsa, "s", b"nothing");
    assert!(matches!(outcome.err(), Some(MailError::Key(_))));
}

/// The public key that the DNS record of an RSA key holds, without its wrapping
/// (SubjectPublicKeyInfo), whose size does not change with the key.
fn unwrapped(public_key: &str) -> Vec<u8> {
    STANDARD.decode(public_key).unwrap().split_off(24)
}

#[test]
fn a_fresh_key_can_be_stored_and_signs() {
    // More than once: the order of an RSA key's primes is random.
    for _ in 0..4 {
        let keys = make_keys(SignatureAlgorithm::Rsa).unwrap();
        let key = PrivateKey::read(SignatureAlgorithm::Rsa, &keys.private_key).unwrap();
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, unwrapped(&keys.public_key))
            .verify(b"data", &key.sign(b"data").unwrap())
            .unwrap();
    }
    // RFC 8410, 7: PKCS #8 version 1, as for the keys that are stored already.
    let keys = make_keys(SignatureAlgorithm::Ed25519).unwrap();
    let stored = STANDARD.decode(stored_keys::ED25519.private_key).unwrap();
    assert_eq!(keys.private_key.len(), stored.len());
    assert_eq!(keys.private_key[..16], stored[..16]);
}

#[test]
fn keys_that_openssl_made_sign_as_before() {
    for stored in [stored_keys::RSA, stored_keys::ED25519] {
        let private_key = STANDARD.decode(stored.private_key).unwrap();
        let key = PrivateKey::read(stored.algorithm, &private_key).unwrap();
        let signature = key.sign(stored_keys::SIGNED).unwrap();
        assert_eq!(STANDARD.encode(signature), stored.signature);
    }
}

#[test]
fn the_record_of_a_key_is_as_openssl_wrote_it() {
    use ring::signature::{Ed25519KeyPair, KeyPair as _};
    use rsa::pkcs8::{DecodePrivateKey, EncodePublicKey};

    let stored = stored_keys::RSA;
    let private_key = STANDARD.decode(stored.private_key).unwrap();
    let key = rsa::PrivateKey::from_pkcs8_der(&private_key).unwrap();
    let public_key = key.to_public_key().to_public_key_der().unwrap();
    assert_eq!(STANDARD.encode(public_key.as_bytes()), stored.public_key);

    let stored = stored_keys::ED25519;
    let private_key = STANDARD.decode(stored.private_key).unwrap();
    let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&private_key).unwrap();
    assert_eq!(STANDARD.encode(key.public_key()), stored.public_key);
}
