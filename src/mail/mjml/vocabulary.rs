//! The elements and attributes of MJML 5, as its documentation lists them.

/// An element of MJML.
#[derive(Debug)]
pub(super) struct Kind {
    /// Its name.
    pub(super) name: &'static str,
    /// Whether its content is text or HTML, which MJML passes on as it is.
    pub(super) text: bool,
    /// The elements it may stand in.
    pub(super) parents: &'static [&'static str],
    /// Its attributes, but for those that all elements have.
    attributes: &'static str,
}

/// Attributes of every element of the body.
const COMMON: [&str; 2] = ["css-class", "mj-class"];

const COLUMNS: &[&str] = &["mj-column", "mj-hero"];
const EVERYWHERE: &[&str] = &[
    "mj-head",
    "mj-body",
    "mj-wrapper",
    "mj-section",
    "mj-group",
    "mj-column",
    "mj-hero",
    "mj-navbar",
    "mj-social",
    "mj-accordion",
    "mjml",
];
const SECTION: &str = "background-color background-url background-repeat background-size background-position background-position-x background-position-y border border-bottom border-left border-radius border-right border-top direction full-width gutter gap padding padding-top padding-bottom padding-left padding-right text-align text-padding";

const fn block(
    name: &'static str,
    parents: &'static [&'static str],
    attributes: &'static str,
) -> Kind {
    Kind {
        name,
        text: false,
        parents,
        attributes,
    }
}

const fn text(
    name: &'static str,
    parents: &'static [&'static str],
    attributes: &'static str,
) -> Kind {
    Kind {
        text: true,
        ..block(name, parents, attributes)
    }
}

const ALL: &[Kind] = &[
    block("mjml", &[], "owa lang dir version xmlns"),
    block("mj-head", &["mjml"], ""),
    block("mj-body", &["mjml"], "width background-color id title"),
    block("mj-attributes", &["mj-head"], ""),
    block("mj-all", &["mj-attributes"], ""),
    block("mj-class", &["mj-attributes"], ""),
    block("mj-breakpoint", &["mj-head"], "width"),
    block("mj-html-attributes", &["mj-head"], ""),
    block("mj-selector", &["mj-html-attributes"], "path"),
    text("mj-html-attribute", &["mj-selector"], "name"),
    block("mj-font", &["mj-head"], "name href"),
    text("mj-preview", &["mj-head"], ""),
    text("mj-style", &["mj-head"], "inline"),
    text("mj-title", &["mj-head"], ""),
    text("mj-raw", EVERYWHERE, "position"),
    block("mj-wrapper", &["mj-body"], SECTION),
    block("mj-section", &["mj-body", "mj-wrapper"], SECTION),
    block(
        "mj-hero",
        &["mj-body", "mj-wrapper"],
        "mode height background-url background-width background-height background-position border-radius inner-background-color inner-padding inner-padding-top inner-padding-left inner-padding-right inner-padding-bottom padding padding-bottom padding-left padding-right padding-top background-color vertical-align width align",
    ),
    block(
        "mj-group",
        &["mj-section"],
        "background-color direction vertical-align width",
    ),
    block(
        "mj-column",
        &["mj-section", "mj-group"],
        "background-color border border-bottom border-left border-radius border-right border-top direction inner-background-color padding-bottom padding-left padding-right padding-top inner-border inner-border-bottom inner-border-left inner-border-radius inner-border-right inner-border-top padding vertical-align width",
    ),
    text(
        "mj-text",
        COLUMNS,
        "align background-color color container-background-color font-family font-size font-style font-weight height letter-spacing line-height padding-bottom padding-left padding-right padding-top padding text-decoration text-transform vertical-align",
    ),
    text(
        "mj-button",
        COLUMNS,
        "align background-color border-bottom border-left border-radius border-right border-top border color container-background-color font-family font-size font-style font-weight height href name title inner-padding letter-spacing line-height padding-bottom padding-left padding-right padding-top padding rel target text-decoration text-transform vertical-align text-align width",
    ),
    block(
        "mj-image",
        COLUMNS,
        "alt href name src srcset sizes title rel align border border-bottom border-left border-right border-top border-radius container-background-color fluid-on-mobile padding padding-bottom padding-left padding-right padding-top target width height max-height font-size usemap",
    ),
    block(
        "mj-divider",
        COLUMNS,
        "border-color border-style border-width container-background-color padding padding-bottom padding-left padding-right padding-top width align",
    ),
    block(
        "mj-spacer",
        COLUMNS,
        "border border-bottom border-left border-right border-top container-background-color padding-bottom padding-left padding-right padding-top padding height",
    ),
    text(
        "mj-table",
        COLUMNS,
        "align border cellpadding cellspacing container-background-color color font-family font-size font-weight line-height padding-bottom padding-left padding-right padding-top padding role table-layout vertical-align width",
    ),
    block(
        "mj-social",
        COLUMNS,
        "align border border-radius container-background-color color font-family font-size font-style font-weight icon-size icon-height icon-padding inner-padding line-height mode padding-bottom padding-left padding-right padding-top padding table-layout text-padding text-decoration vertical-align",
    ),
    text(
        "mj-social-element",
        &["mj-social"],
        "align icon-position background-color color border border-radius font-family font-size font-style font-weight href icon-size icon-height icon-padding line-height name padding-bottom padding-left padding-right padding-top padding text-padding rel src srcset sizes alt title target text-decoration vertical-align",
    ),
    block(
        "mj-navbar",
        COLUMNS,
        "align base-url hamburger ico-align ico-open ico-close ico-color ico-font-size ico-font-family ico-text-transform ico-padding ico-padding-left ico-padding-top ico-padding-right ico-padding-bottom padding padding-left padding-top padding-right padding-bottom ico-text-decoration ico-line-height",
    ),
    text(
        "mj-navbar-link",
        &["mj-navbar"],
        "color font-family font-size font-style font-weight href name target rel letter-spacing line-height padding-bottom padding-left padding-right padding-top padding text-decoration text-transform",
    ),
    block(
        "mj-accordion",
        COLUMNS,
        "container-background-color border font-family icon-align icon-width icon-height icon-wrapped-url icon-wrapped-alt icon-unwrapped-url icon-unwrapped-alt icon-position padding-bottom padding-left padding-right padding-top padding",
    ),
    block(
        "mj-accordion-element",
        &["mj-accordion"],
        "background-color border font-family icon-align icon-width icon-height icon-wrapped-url icon-wrapped-alt icon-unwrapped-url icon-unwrapped-alt icon-position",
    ),
    text(
        "mj-accordion-title",
        &["mj-accordion-element"],
        "background-color color font-size font-family font-weight padding-bottom padding-left padding-right padding-top padding",
    ),
    text(
        "mj-accordion-text",
        &["mj-accordion-element"],
        "background-color font-size font-family font-weight letter-spacing line-height color padding-bottom padding-left padding-right padding-top padding",
    ),
    block(
        "mj-carousel",
        COLUMNS,
        "align border-radius container-background-color icon-width left-icon padding padding-top padding-bottom padding-left padding-right right-icon thumbnails tb-border tb-border-radius tb-hover-border-color tb-selected-border-color tb-width",
    ),
    block(
        "mj-carousel-image",
        &["mj-carousel"],
        "alt href rel target title src thumbnails-src border-radius tb-border tb-border-radius",
    ),
    // Refused, but known.
    block("mj-include", EVERYWHERE, "path type css-inline"),
];

/// Elements of HTML that somebody may write between those of MJML.
const HTML: &str = " a abbr address area article aside b base big blockquote body br button caption center cite code col colgroup dd del details dfn div dl dt em embed figcaption figure font footer form h1 h2 h3 h4 h5 h6 head header hr html i iframe img input ins kbd label li link main map mark meta nav noscript object ol option p param picture pre q s samp script section select small source span strike strong style sub summary sup svg table tbody td template textarea tfoot th thead time title tr track tt u ul var video wbr xml ";

/// HTML elements without content.
const VOID: &str = " area base br col embed hr img input link meta param source track wbr ";

/// The element of that name, in lower case.
pub(super) fn find(name: &str) -> Option<&'static Kind> {
    ALL.iter().find(|kind| kind.name == name)
}

/// Is this an element of HTML, or one of another vocabulary (`v:rect`, `o:p`)?
pub(super) fn is_html(name: &str) -> bool {
    name.contains(':') || HTML.contains(&format!(" {name} "))
}

/// Has this HTML element no content?
pub(super) fn is_void(name: &str) -> bool {
    VOID.contains(&format!(" {name} "))
}

/// The element that somebody may have meant.
pub(super) fn proposal(name: &str) -> Option<&'static str> {
    let with_prefix = format!("mj-{name}");
    let written = if name.starts_with("mj") {
        name
    } else {
        with_prefix.as_str()
    };
    let names = ALL.iter().map(|kind| kind.name);
    nearest(written, names.filter(|name| *name != "mj-include"))
}

impl Kind {
    fn attribute_names(&self) -> impl Iterator<Item = &'static str> {
        let own = self.attributes.split_ascii_whitespace();
        let common = COMMON.into_iter().filter(|_| self.name != "mjml");
        own.chain(common)
    }

    /// Is this one of its attributes? `mj-all` and `mj-class` take any.
    pub(super) fn has_attribute(&self, name: &str) -> bool {
        matches!(self.name, "mj-all" | "mj-class")
            || name.starts_with("xmlns:")
            || self.attribute_names().any(|known| known == name)
    }

    /// The attribute that somebody may have meant.
    pub(super) fn attribute_proposal(&self, name: &str) -> Option<&'static str> {
        nearest(name, self.attribute_names())
    }
}

/// The name that is nearest to what was written, if one is near.
fn nearest(written: &str, names: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let written: String = written.chars().take(40).collect();
    names
        .map(|name| (strsim::osa_distance(&written, name), name))
        .filter(|(distance, name)| *distance <= 3 && *distance * 2 < name.len().max(2))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_understood() {
        for (written, meant) in [
            ("mj-buton", "mj-button"),
            ("mj-botton", "mj-button"),
            ("mjbutton", "mj-button"),
            ("mj_text", "mj-text"),
            ("mj-colum", "mj-column"),
            ("button2", "mj-button"),
            ("mj-imgae", "mj-image"),
            ("mj-img", "mj-image"),
            ("mj-navbar-lnk", "mj-navbar-link"),
            ("carousel", "mj-carousel"),
        ] {
            assert_eq!(proposal(written), Some(meant), "{written}");
        }
        assert_eq!(proposal("mj-unsinnig-langes"), None);
        let image = find("mj-image").unwrap();
        assert_eq!(image.attribute_proposal("scr"), Some("src"));
    }
}
