//! The details of an entry in words.

use serde_json::Value;

use crate::domain::tracking::{TrackingMode, TrackingSource};
use crate::import::status::StatedStatus;
use crate::web::filters::format_date;

/// How the keys of details are called on the screen.
const KEYS: &[(&str, &str)] = &[
    ("reason", "Grund"),
    ("source", "Quelle"),
    ("since", "vom"),
    ("mode", "jetzt"),
    ("before", "vorher"),
    ("years", "Jahre"),
    ("mailing", "E-Mailing"),
    ("export", "Datei"),
    ("filter", "Auswahl"),
    ("import", "Import"),
    ("said", "Angabe"),
    ("form", "Formular"),
    ("group", "Gruppe"),
    ("recipients", "Empfänger"),
    ("signups", "Anmeldungen"),
    ("refusals", "Zeilen in Importberichten"),
    ("places", "Fundstellen"),
    ("format", "Form"),
    ("area", "Bereich"),
    ("narrowed", "eingegrenzt"),
    ("count_anonymously", "anonyme Gesamtzahlen"),
    ("remember", "Widersprüche merken"),
    ("forgotten", "vergessen"),
    ("lifts_objection", "hebt Widerspruch auf"),
    ("kind", "Art"),
    ("code", "Code"),
    ("domain", "Domain"),
    ("selector", "Selektor"),
    ("limit", "Grenze"),
    ("changed", "geändert"),
    ("mailbox", "Postfach"),
    ("key", "Schlüssel"),
    ("webhook", "Webhook"),
    ("server", "Server"),
    ("events", "Ereignisse"),
    ("scopes", "Rechte"),
    ("valid_until", "gültig bis"),
    ("user", "Benutzer"),
    ("roles", "Rollen"),
    ("roles_before", "Rollen vorher"),
    ("name_before", "Name vorher"),
    ("number", "Nummer"),
    ("sessions", "Anmeldungen"),
    ("left", "übrig"),
    ("required", "verlangt"),
    ("months", "Monate"),
    ("until", "älter als"),
    ("by_age", "durch Aufbewahrung"),
    ("deliveries", "Zustellungen"),
    ("receipt", "Beleg"),
    ("backup", "Sicherung"),
    ("deleted_again", "erneut gelöscht"),
    ("objected_again", "Widersprüche erneut eingetragen"),
    ("unsubscribed_again", "erneut abgemeldet"),
    ("pseudonymised_again", "erneut pseudonymisiert"),
    ("others", "sonstiges"),
    ("expires", "aufbewahrt bis"),
];

/// The details as "Grund: Anruf; Quelle: Import"; nothing where there are none.
pub fn in_words(details: &str) -> String {
    let Ok(Value::Object(details)) = serde_json::from_str(details) else {
        return String::new();
    };
    let pairs: Vec<String> = details
        .iter()
        .filter(|(key, value)| {
            !value.is_null()
                && value.as_str() != Some("")
                && !(*key == "lifts_objection" && value == &&Value::Bool(false))
        })
        .map(|(key, value)| {
            let name = KEYS.iter().find(|(known, _)| known == key);
            let name = name.map_or(key.as_str(), |(_, name)| name);
            format!("{name}: {}", of(key, value))
        })
        .collect();
    pairs.join("; ")
}

fn of(key: &str, value: &Value) -> String {
    match (key, value) {
        (_, Value::Bool(true)) => "ja".to_owned(),
        (_, Value::Bool(false)) => "nein".to_owned(),
        ("since" | "until" | "valid_until" | "expires", Value::Number(at)) => {
            at.as_i64().map(format_date).unwrap_or_default()
        }
        ("source", Value::String(word)) => word.parse().map_or_else(
            |_| word.clone(),
            |source: TrackingSource| source.label().to_owned(),
        ),
        ("said", Value::String(word)) => word.parse().map_or_else(
            |_| word.clone(),
            |said: StatedStatus| said.label().to_owned(),
        ),
        ("mode" | "before", Value::String(word)) => word.parse().map_or_else(
            |_| word.clone(),
            |mode: TrackingMode| mode.label().to_owned(),
        ),
        ("export", Value::String(word)) => match word.as_str() {
            "figures" => "Kennzahlen".to_owned(),
            "activity" => "Empfängeraktivität".to_owned(),
            other => other.to_owned(),
        },
        (_, Value::String(text)) => text.clone(),
        (_, Value::Array(all)) => {
            let all: Vec<String> = all.iter().map(|one| of(key, one)).collect();
            all.join(", ")
        }
        (_, other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn details_are_told_in_words() {
        for (details, words) in [
            ("{}", ""),
            ("kaputt", ""),
            (r#"{"reason":""}"#, ""),
            (r#"{"source":"self"}"#, "Quelle: Empfänger selbst"),
            (
                r#"{"before":"active","mode":"consent"}"#,
                "vorher: aktiv; jetzt: nur mit Einwilligung",
            ),
            (r#"{"remember":true}"#, "Widersprüche merken: ja"),
            (r#"{"new":[1,"x"]}"#, "new: 1, x"),
        ] {
            assert_eq!(in_words(details), words, "{details}");
        }
    }
}
