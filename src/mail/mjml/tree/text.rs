//! Where texts and comments end.

use super::super::vocabulary;
use super::Reader;
use crate::mail::personalise::TemplateProblem;
use crate::mail::tag::{self, Tag};

pub(super) const BROKEN_COMMENT: &str = "Dieser Kommentar ist nicht geschlossen.";
pub(super) const BROKEN_CONDITION: &str = "Dieser bedingte Kommentar ist nicht vollständig: Er beginnt wie „<!--[if mso]>“ und endet mit „<![endif]-->“.";

pub(super) fn closes_other(closed: &str, open: &str) -> String {
    format!("Hier wird „{closed}“ geschlossen, offen ist aber noch „{open}“.")
}

/// Is this marker of a conditional comment complete, or none at all?
pub(super) fn condition_is_whole(marker: &str) -> bool {
    if marker.starts_with("<!--<![") {
        return marker.starts_with("<!--<![endif") && marker.ends_with("]-->");
    }
    if marker.starts_with("<![endif") {
        return matches!(marker, "<![endif]>" | "<![endif]-->");
    }
    if !marker.starts_with("<![") && !marker.starts_with("<!--[if") {
        return true;
    }
    marker.starts_with("<![CDATA[") || marker.ends_with("]>") || marker.ends_with("]-->")
}

/// Behind the comment that begins here, if it ends (WHATWG HTML, 13.2.5.43: `<!-->` is a whole one).
pub(super) fn comment_end(text: &str, start: usize) -> Option<usize> {
    let inside = start + 2;
    text[inside..].find("-->").map(|length| inside + length + 3)
}

impl Reader<'_> {
    /// Where the content of an element with text ends, and the place behind its closing tag.
    pub(super) fn text_end(
        &self,
        from: usize,
        start: usize,
        name: &str,
    ) -> Result<(usize, usize), TemplateProblem> {
        let mut at = from;
        let mut reads_tags = true;
        while let Some(offset) = self.text[at..].find('<') {
            let found = at + offset;
            let rest = &self.text[found..];
            let marker = rest.find('>').map_or(self.text.len(), |at| found + at + 1);
            if rest.starts_with("<!--") {
                at = self.comment_in_text(found, name)?;
                continue;
            }
            if rest.starts_with("<![") {
                if !condition_is_whole(&self.text[found..marker]) {
                    return Err(self.problem(found, BROKEN_CONDITION));
                }
                at = marker;
                continue;
            }
            let inner = tag::name(rest).to_ascii_lowercase();
            if rest.starts_with("</") && inner == name {
                return Ok((found, marker));
            }
            if inner.starts_with("mj-") || vocabulary::find(&inner).is_some() {
                let message = if rest.starts_with("</") {
                    closes_other(&inner, name)
                } else {
                    format!(
                        "„{inner}“ wirkt in {name} nicht. Ist {name} darüber nicht geschlossen?"
                    )
                };
                return Err(self.problem(found, message));
            }
            at = found + 1;
            if !inner.is_empty() && reads_tags {
                // A tag without an end reaches to the end of the document; looking for it again and
                // again would take for ever.
                match Tag::read(self.text, found) {
                    Some(tag) => at = tag.end,
                    None => reads_tags = false,
                }
            }
        }
        Err(self.unclosed(name, start))
    }

    /// Behind a comment in a text. A conditional one may be open in one `mj-raw` and be closed in a
    /// later one.
    fn comment_in_text(&self, start: usize, name: &str) -> Result<usize, TemplateProblem> {
        let rest = &self.text[start..];
        let end = comment_end(self.text, start);
        if !rest.starts_with("<!--[") && !rest.starts_with("<!--<!") {
            return end.ok_or_else(|| self.problem(start, BROKEN_COMMENT));
        }
        let own_end = self.text[start..end.unwrap_or(self.text.len())]
            .find(&format!("</{name}"))
            .map_or(self.text.len(), |at| start + at);
        let marker = rest.find('>').map_or(self.text.len(), |at| start + at + 1);
        let is_whole = marker <= own_end && condition_is_whole(&self.text[start..marker]);
        match end {
            Some(end) if is_whole && end <= own_end => Ok(end),
            _ if is_whole && name == "mj-raw" && self.text[own_end..].contains("<![endif]") => {
                Ok(marker)
            }
            _ => Err(self.problem(start, BROKEN_CONDITION)),
        }
    }
}
