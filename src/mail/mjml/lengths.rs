//! Values that the renderer computes with, as it has to have them.

use crate::mail::syntax::Masked;

/// With one blank where several stand: what CSS takes for the same.
pub(super) fn collapsed(value: &str) -> String {
    if !Masked::new(value).pieces.is_empty() {
        return value.to_owned();
    }
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// Names of fonts as the renderer recognises them.
pub(super) fn with_single_quotes(raw: &str) -> String {
    if raw.contains('\'') {
        return raw.to_owned();
    }
    raw.replace("&quot;", "\"").replace('"', "'")
}

/// With the unit that the renderer needs and the reference implementation supposes.
pub(super) fn with_unit(name: &str, value: &str) -> String {
    let is_length = matches!(
        name,
        "width" | "height" | "background-width" | "background-height"
    );
    if is_length && is_number(value) {
        return format!("{value}px");
    }
    if !name.contains("padding") {
        return value.to_owned();
    }
    let words = value
        .split(' ')
        .map(|word| if word == "0" { "0px" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// The space between two parts of a wrapper (`gap`). Outlook shows none.
pub(super) fn space(height: &str) -> Option<String> {
    let digits = height.strip_suffix("px").unwrap_or(height);
    is_number(digits).then(|| {
        format!(
            "<!--[if !mso | IE]><!--><div style=\"height:{digits}px;line-height:{digits}px\">&#8202;</div><!--<![endif]-->"
        )
    })
}
