//! The search finds any part of an address or a name, literally, and only in its own account.

use widerspruch::db::models::recipients::{self, NewRecipient};
use widerspruch::db::paging::Position;
use widerspruch::db::search;
use widerspruch::domain::address::EmailAddress;
use widerspruch::domain::time::Timestamp;

use crate::support::import::import;
use crate::support::{On, World, on_both};

fn add(world: &World, account_id: i64, address: &str, first_name: &str, last_name: &str) -> i64 {
    let address = EmailAddress::parse(address).expect("an address");
    let fields = serde_json::Map::new();
    let new = NewRecipient {
        address: &address,
        first_name,
        last_name,
        fields: &fields,
        tracking: None,
        unsubscribed: None,
    };
    world.write(|conn| recipients::create(conn, account_id, &new, Timestamp::now()))
}

fn found(world: &World, needle: &str) -> Vec<String> {
    let page = world.read(|conn| search::find(conn, world.account_id, needle, Position::First, 50));
    page.rows.into_iter().map(|row| row.address).collect()
}

on_both!(any_part_is_found_literally, |world| {
    for (address, first, last) in [
        ("anna.schmidt@example.org", "Anna", "Schmidt"),
        ("a_b%c@example.org", "", ""),
        ("max+news@Example.COM", "Max", "Müller"),
        ("info@bücher.de", "", ""),
        ("ab@example.net", "Jörg", "Öztürk"),
    ] {
        add(world, world.account_id, address, first, last);
    }
    assert_eq!(found(world, "schmidt@"), ["anna.schmidt@example.org"]);
    assert_eq!(found(world, "ANNA.SCH"), ["anna.schmidt@example.org"]);
    assert_eq!(found(world, "_b%"), ["a_b%c@example.org"]);
    assert_eq!(found(world, "%"), ["a_b%c@example.org"]);
    assert_eq!(found(world, "___"), Vec::<String>::new());
    assert_eq!(found(world, "+news"), ["max+news@Example.COM"]);
    assert_eq!(found(world, "bücher"), ["info@bücher.de"]);
    assert_eq!(found(world, "BÜCHER"), ["info@bücher.de"]);
    assert_eq!(found(world, "xn--bcher"), ["info@bücher.de"]);
    assert_eq!(found(world, "max müll"), ["max+news@Example.COM"]);
    assert_eq!(found(world, "öztürk"), ["ab@example.net"]);
    assert_eq!(found(world, "ab"), ["ab@example.net"]);
    assert_eq!(found(world, "\" OR \""), Vec::<String>::new());
    assert_eq!(found(world, "example.").len(), 4);
});

on_both!(every_usual_spelling_is_found, |world| {
    for (address, first, last) in [
        ("eins@suche.example", "Jürgen", "Großmann"),
        ("zwei@suche.example", "Hans", "Müller"),
        ("drei@suche.example", "Joerg", "Mueller"),
        ("vier@suche.example", "Jean", "Muller"),
        ("fuenf@suche.example", "İbrahim", "Yılmaz"),
        ("sechs@suche.example", "Søren", "Ågård"),
        ("sieben@suche.example", "Ｌｅｃｈ", "Wałęsa"),
        ("acht@suche.example", "Do\u{ad}ra", "O’Brien"),
        ("neun@suche.example", "Mu\u{308}fit", "Ko\u{308}se"),
        ("jürgen.weiß@büro.example", "", ""),
    ] {
        add(world, world.account_id, address, first, last);
    }
    let names = |needle: &str| -> Vec<String> {
        let mut found = found(world, needle);
        found.reverse();
        found
            .iter()
            .map(|address| address.split('@').next().unwrap_or_default().to_owned())
            .collect()
    };
    for (needle, expected) in [
        ("müller", &["zwei", "drei", "vier"][..]),
        ("MÜLLER", &["zwei", "drei", "vier"]),
        ("mu\u{308}ller", &["zwei", "drei", "vier"]),
        ("Mueller", &["zwei", "drei"]),
        ("Muller", &["zwei", "vier"]),
        ("Müller, Hans", &["zwei"]),
        ("Hans   Müller", &["zwei"]),
        ("Hans\u{a0}Mueller", &["zwei"]),
        ("hans muell", &["zwei"]),
        ("Hans Müller <zwei@suche.example>", &["zwei"]),
        ("mailto:zwei@suche.example?subject=Hallo", &["zwei"]),
        ("zwei@suche.example.", &["zwei"]),
        ("zwei@suche.example,", &["zwei"]),
        ("Hans zwei@suche", &["zwei"]),
        ("\u{feff}zwei@\u{200b}suche", &["zwei"]),
        ("Grossmann", &["eins"]),
        ("GROẞMANN", &["eins"]),
        ("juergen grossmann", &["eins"]),
        ("Jurgen Großmann", &["eins"]),
        ("ibrahim yilmaz", &["fuenf"]),
        ("IBRAHIM YILMAZ", &["fuenf"]),
        ("İBRAHİM", &["fuenf"]),
        ("soren agard", &["sechs"]),
        ("soeren aagaard", &["sechs"]),
        ("lech walesa", &["sieben"]),
        ("Dora O'Brien", &["acht"]),
        ("müfit köse", &["neun"]),
        ("muefit kose", &["neun"]),
        ("juergen.weiss@buero", &["jürgen.weiß"]),
        ("jurgen.weiss@buro", &["jürgen.weiß"]),
        ("xn--bro-hoa", &["jürgen.weiß"]),
        ("Ｍüller ", &["zwei", "drei", "vier"]),
        ("Hans Maier", &[]),
        (",", &[]),
        ("\u{200b}", &[]),
    ] {
        assert_eq!(names(needle), expected, "{needle:?}");
    }
    let count = world.read(|conn| search::count(conn, world.account_id, "Hans, Mueller"));
    assert_eq!((count.counted, count.more), (1, false));
});

on_both!(what_only_looks_alike_is_not_found, |world| {
    for (address, last) in [
        ("eins@suche.example", "Baur"),
        ("zwei@suche.example", "Isral"),
        ("drei@suche.example", "neu"),
        ("vier@suche.example", "Mosul"),
    ] {
        add(world, world.account_id, address, "", last);
    }
    for needle in ["Bauer", "Israel", "neue", "Moesul", "aur eins"] {
        assert_eq!(found(world, needle), Vec::<String>::new(), "{needle}");
    }
});

on_both!(no_names_join_the_address, |world| {
    add(world, world.account_id, "hans@naht.example", "Hans", "Hans");
    add(
        world,
        world.account_id,
        "otto@naht.example",
        "Otto",
        "Meier",
    );
    for needle in [
        "example hans",
        "naht.example Hans",
        "example Otto",
        "otto@naht.example Hans",
    ] {
        assert_eq!(found(world, needle), Vec::<String>::new(), "{needle}");
    }
    assert_eq!(found(world, "Hans hans"), ["hans@naht.example"]);
    assert_eq!(found(world, "meier otto"), ["otto@naht.example"]);
});

on_both!(other_accounts_are_not_found, |world| {
    let other = world.make_account("Andere GmbH", "other@example.org");
    add(world, other, "secret@example.org", "", "");
    add(world, world.account_id, "open@example.org", "", "");
    assert_eq!(found(world, "example.org"), ["open@example.org"]);
    assert_eq!(found(world, "se"), Vec::<String>::new());
});

on_both!(pages_go_on_where_they_ended, |world| {
    let ids: Vec<i64> = (0..25)
        .map(|n| {
            add(
                world,
                world.account_id,
                &format!("person{n:02}@example.org"),
                "",
                "",
            )
        })
        .collect();
    let page = |position| {
        let page = world.read(|conn| search::find(conn, world.account_id, "person", position, 10));
        (
            page.rows.iter().map(|row| row.id).collect::<Vec<_>>(),
            page.has_previous,
            page.has_next,
        )
    };
    let newest_first: Vec<i64> = ids.iter().rev().copied().collect();
    let first = page(Position::First);
    assert_eq!(first, (newest_first[..10].to_vec(), false, true));
    let second = page(Position::After(first.0[9]));
    assert_eq!(second, (newest_first[10..20].to_vec(), true, true));
    let third = page(Position::After(second.0[9]));
    assert_eq!(third, (newest_first[20..].to_vec(), true, false));
    assert_eq!(page(Position::Before(third.0[0])), second);
    assert_eq!(page(Position::Last).0, newest_first[15..].to_vec());
    let count = world.read(|conn| search::count(conn, world.account_id, "person"));
    assert_eq!((count.counted, count.more), (25, false));
});

/// How many parts SQLite's index consists of.
fn parts(world: &World) -> i64 {
    world.rows("(SELECT DISTINCT segid FROM recipient_search_idx)", "1 = 1")
}

#[test]
fn the_index_is_merged_little_by_little() {
    let world = World::start(On::Sqlite);
    for n in 0..250 {
        world.make_recipient(&format!("person{n}@example.org"));
        assert!(parts(&world) < 14, "{n}: {}", parts(&world));
    }
    let rows: String = (0..4_000).fold("E-Mail\n".to_owned(), |rows, n| {
        rows + &format!("mitglied{n}@verein{}.example\n", n % 7)
    });
    import(&world, &rows, None);
    assert!(parts(&world) < 14, "{}", parts(&world));
    assert_eq!(found(&world, "ied3999@"), ["mitglied3999@verein2.example"]);
}
