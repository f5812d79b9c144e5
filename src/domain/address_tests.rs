use proptest::prelude::*;

use super::*;

fn parse(input: &str) -> EmailAddress {
    EmailAddress::parse(input).unwrap_or_else(|problem| panic!("{input:?}: {problem}"))
}

fn problem(input: &str) -> AddressProblem {
    match EmailAddress::parse(input) {
        Ok(address) => panic!("{input:?} was read as {}", address.key()),
        Err(problem) => problem,
    }
}

#[test]
fn keeps_what_was_typed_and_knows_the_key() {
    let address = parse("  Hans.Maier+News@Example.COM\r\n");
    assert_eq!(address.as_typed(), "Hans.Maier+News@Example.COM");
    assert_eq!(address.key(), "hans.maier+news@example.com");
    assert_eq!(address.unicode_form(), "hans.maier+news@example.com");
    assert_eq!(address.envelope_form(), "Hans.Maier+News@example.com");
    assert_eq!(address.domain(), "example.com");
}

#[test]
fn umlaut_domains_have_one_key_in_both_spellings() {
    let unicode = parse("Jörg@MÜLLER.example");
    assert_eq!(unicode.key(), "jörg@xn--mller-kva.example");
    assert_eq!(unicode.unicode_form(), "jörg@müller.example");
    let ascii = parse("jörg@XN--MLLER-KVA.example");
    assert_eq!(ascii.key(), unicode.key());
    assert_eq!(ascii.unicode_form(), unicode.unicode_form());
}

#[test]
fn sharp_s_in_a_domain_stays_what_it_is() {
    assert_eq!(parse("a@straße.example").key(), "a@xn--strae-oqa.example");
    assert_eq!(parse("a@strasse.example").key(), "a@strasse.example");
}

#[test]
fn composed_and_decomposed_umlauts_are_the_same() {
    let decomposed = parse("jo\u{308}rg@mu\u{308}ller.example");
    assert_eq!(decomposed.as_typed(), "jörg@müller.example");
    assert_eq!(decomposed.key(), parse("jörg@müller.example").key());
}

#[test]
fn lower_casing_is_unicode() {
    assert_eq!(parse("ÄÖÜ@example.de").key(), "äöü@example.de");
    assert_eq!(
        parse("ΟΔΟΣ@example.gr").key(),
        parse("οδος@example.gr").key()
    );
}

#[test]
fn the_forms_are_all_spellings_without_doubles() {
    assert_eq!(parse("a@example.de").forms(), ["a@example.de"]);
    assert_eq!(
        parse("Jörg@Müller.example").forms(),
        [
            "Jörg@Müller.example",
            "jörg@xn--mller-kva.example",
            "jörg@müller.example",
            "Jörg@xn--mller-kva.example",
        ]
    );
}

#[test]
fn accepts_what_people_have() {
    for address in [
        "a@b.de",
        "first.last@sub.domain.example.co.uk",
        "o'brien@example.ie",
        "user_name-1@my-domain.museum",
        "{weird}!#$%&*/=?^`|~@example.org",
        "post@3com.com",
        "r3---sn@r3---sn-abc.example.com",
        "用户@例子.中国",
        "почта@пример.рф",
        "a@例子。中国",
        "\u{feff}bom@example.de\u{200b}",
        "\u{a0}nbsp@example.de\u{a0}",
    ] {
        parse(address);
    }
}

#[test]
fn says_what_is_wrong() {
    use AddressProblem as P;
    for (input, expected) in [
        ("", P::Empty),
        (" \t\u{feff}", P::Empty),
        ("hans", P::NoAt),
        ("hans mueller", P::NoAt),
        ("@example.de", P::EmptyLocal),
        ("hans@", P::EmptyDomain),
        ("hans@@example.de", P::SeveralAts),
        ("a@example.de, b@example.de", P::SeveralAddresses),
        ("a@example.de;b@example.de", P::SeveralAddresses),
        ("ha ns@example.de", P::Space),
        ("hans@exam\tple.de", P::Space),
        ("hans@example.de\nBcc:x", P::Space),
        ("ha\u{200b}ns@example.de", P::InvisibleCharacter('\u{200b}')),
        ("hans\0@example.de", P::InvisibleCharacter('\0')),
        ("Hans Maier <hans@example.de>", P::DisplayName),
        ("<hans@example.de>", P::DisplayName),
        ("\"hans maier\"@example.de", P::Quoted),
        ("hans..maier@example.de", P::TwoDots),
        ("hans@example..de", P::TwoDots),
        (".hans@example.de", P::LocalDotAtEdge),
        ("hans.@example.de", P::LocalDotAtEdge),
        ("hans@.example.de", P::DomainDotAtEdge),
        ("hans@example.de.", P::DomainDotAtEdge),
        ("hans@example.de。", P::DomainDotAtEdge),
        ("mailto:hans@example.de", P::IllegalInLocal(':')),
        ("hans(privat)@example.de", P::IllegalInLocal('(')),
        ("hans☺@example.de", P::IllegalInLocal('☺')),
        ("hans@exam_ple.de", P::IllegalInDomain('_')),
        ("hans@example.de,", P::IllegalInDomain(',')),
        ("hans@example", P::DomainWithoutDot),
        ("hans@[192.0.2.1]", P::IpAddress),
        ("hans@192.0.2.1", P::IpAddress),
        ("hans@-example.de", P::HyphenAtEdge),
        ("hans@example-.de", P::HyphenAtEdge),
        ("hans@xn--99999999999.de", P::InvalidIdn),
        ("hans@\u{300}a.de", P::InvalidIdn),
    ] {
        assert_eq!(problem(input), expected, "{input:?}");
    }
}

#[test]
fn the_limits_of_length_are_exact() {
    let local = "a".repeat(MAX_LOCAL_OCTETS);
    parse(&format!("{local}@example.de"));
    assert_eq!(
        problem(&format!("{local}a@example.de")),
        AddressProblem::LocalTooLong
    );
    assert_eq!(
        problem(&format!("{}ä@example.de", &local[1..])),
        AddressProblem::LocalTooLong
    );

    let label = "b".repeat(MAX_LABEL_OCTETS);
    parse(&format!("a@{label}.de"));
    assert_eq!(
        problem(&format!("a@{label}b.de")),
        AddressProblem::LabelTooLong
    );

    let start = format!("a@{label}.{label}.{label}.");
    let longest = start.clone() + &"c".repeat(MAX_OCTETS - start.len());
    parse(&longest);
    assert_eq!(problem(&(longest + "c")), AddressProblem::TooLong);
    assert_eq!(problem(&"x".repeat(10_000_000)), AddressProblem::TooLong);
}

#[test]
fn debug_output_does_not_tell_the_address() {
    assert!(!format!("{:?}", parse("hans@example.de")).contains("hans"));
}

/// Addresses of several scripts, most of them valid.
fn addresses() -> impl Strategy<Value = String> {
    let local = "[a-zA-ZäöüßÄÖÜéÉçñøŁıİΣςσжЖ中0-9+_'-]{1,20}(\\.[a-zA-Zäö\u{308}\u{327}]{1,5})?";
    let label = "[a-zA-ZäöüÄÖÜßéøжЖσΣ0-9]{1,12}(-[a-z]{1,3})?";
    (local, label, "(de|COM|Рф|中国|berlin|xn--p1ai)")
        .prop_map(|(local, label, end)| format!("{local}@{label}.{end}"))
}

proptest! {
    #[test]
    fn every_form_is_an_address_with_the_same_key(input in addresses()) {
        if let Ok(address) = EmailAddress::parse(&input) {
            for form in address.forms() {
                let again = EmailAddress::parse(&form);
                prop_assert_eq!(again.as_ref().map(EmailAddress::key), Ok(address.key()), "{}", form);
                prop_assert_eq!(again.as_ref().map(EmailAddress::unicode_form), Ok(address.unicode_form()));
            }
            prop_assert!(address.domain().is_ascii());
        }
    }

    #[test]
    fn upper_and_lower_case_share_the_key(
        local in "[a-zäöüéçñжσ0-9+_-]{1,20}",
        domain in "[a-zäöüéж0-9]{1,12}\\.[a-z]{2,6}",
        upper in proptest::collection::vec(any::<bool>(), 40),
    ) {
        let lower = format!("{local}@{domain}");
        // A domain that mixes digits and letters can be refused (IDNA's rules for numbers).
        prop_assume!(EmailAddress::parse(&lower).is_ok());
        let mixed: String = lower
            .chars()
            .zip(upper.iter().cycle())
            .map(|(c, up)| if *up { c.to_uppercase().to_string() } else { c.to_string() })
            .collect();
        let (lower, mixed) = (parse(&lower), parse(&mixed));
        prop_assert_eq!(lower.key(), mixed.key());
        prop_assert_eq!(lower.unicode_form(), mixed.unicode_form());
    }

    #[test]
    fn any_text_is_read_or_refused_with_a_sentence(input in "\\PC{0,80}") {
        match EmailAddress::parse(&input) {
            Ok(address) => prop_assert_eq!(&parse(address.key()).key, &address.key),
            Err(problem) => prop_assert!(problem.to_string().ends_with('.')),
        }
    }

    #[test]
    fn near_addresses_of_any_characters_have_stable_keys(local in "\\PC{1,12}", domain in "\\PC{1,12}") {
        if let Ok(address) = EmailAddress::parse(&format!("{local}@{domain}.de")) {
            prop_assert_eq!(&parse(address.key()).key, &address.key);
            prop_assert_eq!(&parse(address.unicode_form()).key, &address.key);
        }
    }
}

#[test]
fn a_masked_address_tells_its_owner_and_nobody_else() {
    assert_eq!(masked("anna@example.org"), "a…@example.org");
    assert_eq!(masked("örtel+news@bücher.example"), "ö…@bücher.example");
    assert_eq!(masked("x@example.org"), "…@example.org");
    assert_eq!(masked(""), "…@");
}

#[test]
fn addresses_are_found_in_a_text() {
    let found = |text: &str| {
        super::addresses_in(text)
            .map(|address| address.key().to_owned())
            .collect::<Vec<_>>()
    };
    for text in [
        "anna@example.org",
        "Anna <Anna@Example.org>",
        "7;Müller;„anna@example.org“.",
        "mailto:anna@example.org, @, anna@, 'anna@example.org' ",
    ] {
        let mut addresses = found(text);
        addresses.dedup();
        assert_eq!(addresses, ["anna@example.org"], "{text}");
    }
    assert_eq!(
        found("hanna@example.org\tben@MÜLLER.de"),
        ["hanna@example.org", "ben@xn--mller-kva.de"]
    );
    assert!(found("keine Adresse, an niemand").is_empty());
}
