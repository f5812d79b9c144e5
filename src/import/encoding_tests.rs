use super::*;
use crate::import::decode::encoded;
use crate::import::dialect::Dialect;

/// A list of people in that encoding, each with an address.
fn list(names: &[&str], encoding: Encoding) -> Vec<u8> {
    let rows = names
        .iter()
        .enumerate()
        .map(|(number, name)| format!("person{number}@example.org;{name}\r\n"));
    let text = "E-Mail;Name\r\n".to_owned() + &rows.collect::<String>();
    encoded(&text, encoding)
}

fn guess(bytes: &[u8]) -> Encoding {
    Dialect::guess(bytes).expect("readable").encoding
}

#[test]
fn every_encoding_of_one_byte_is_recognised_where_it_is_certain() {
    use Encoding::{Ibm850, MacRoman, Windows1250, Windows1251, Windows1252, Windows1254};
    for (names, encoding) in [
        (&["Jörg Weiß", "Käthe Übel", "Ömer"][..], MacRoman),
        (&["Jürgen"], MacRoman),
        (&["Anna", "Rüdiger Groß"], MacRoman),
        (&["Zoé Lefèvre", "Günther"], MacRoman),
        (&["Jörg Weiß", "Käthe Übel", "Ömer"], Ibm850),
        (&["Jürgen"], Ibm850),
        (&["Zoé Lefèvre", "Günther"], Ibm850),
        (&["Łukasz Wójcik", "Stanisław Dąbrowski"], Windows1250),
        (&["Bożena Wiśniewska", "Müller"], Windows1250),
        (
            &["Jiří Dvořák", "Zdeněk Černý", "Božena Říhová"],
            Windows1250,
        ),
        (&["Gergő Erdős", "Ernő Szűcs"], Windows1250),
        (&["Goran Petrović", "Ana Đorđević"], Windows1250),
        (&["Иван Петров", "Мария"], Windows1251),
        (&["Сергій Шевченко"], Windows1251),
        (&["Ayşe Yıldız", "Gülşen Erdoğan"], Windows1254),
        (&["Jörg Weiß", "Käthe Übel", "Ömer"], Windows1252),
        (&["Jürgen"], Windows1252),
        (&["Hélène Boutière", "François", "Gaël"], Windows1252),
        (&["Muñoz Núñez", "João Conceição"], Windows1252),
        (&["Søren Jørgensen", "Åse Bjørn", "Ærø"], Windows1252),
        (&["Dušan Tomaš", "Miloš", "Aleš Niško"], Windows1252),
        (&["„Müller“ – Töchter", "L’Oréal 5 €", "Café®"], Windows1252),
    ] {
        assert_eq!(guess(&list(names, encoding)), encoding, "{names:?}");
    }
}

#[test]
fn utf_16_needs_no_mark() {
    let text = "E-Mail;Name\r\nanna@example.org;Jörg Łukasz Иван\r\n";
    let bytes = |of: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(of).collect::<Vec<_>>();
    assert_eq!(guess(&bytes(u16::to_le_bytes)), Encoding::Utf16Le);
    assert_eq!(guess(&bytes(u16::to_be_bytes)), Encoding::Utf16Be);
    // Zeros alone are nothing, and a few of them do not make UTF-16.
    assert_eq!(guess(&[0; 100]), Encoding::Utf8);
    assert_eq!(guess(b"a@example.org;x\0y\n"), Encoding::Utf8);
}

#[test]
fn what_is_decoded_by_table_is_read_in_any_pieces() {
    let bytes = list(&vec!["Jörg ─ │ Weiß"; 5_000], Encoding::Ibm437);
    let text = decoded(&bytes, Encoding::Ibm437);
    assert_eq!(text.matches("Jörg ─ │ Weiß").count(), 5_000);
}
