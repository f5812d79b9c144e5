//! The little that is kept of a browser's description (rule P8): a class, decided at the hit.

/// What kind of device loaded a pixel or followed a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Device {
    /// Not recognised.
    Unknown,
    /// A computer.
    Desktop,
    /// A phone.
    Phone,
    /// A tablet.
    Tablet,
    /// A mail provider's picture proxy: says nothing about the person's device.
    Proxy,
}

/// What a hit's request says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visitor {
    /// The class of device.
    pub device: Device,
    /// Whether a program came, not a person: decided once, never revised.
    pub automatic: bool,
}

impl Device {
    /// All classes, in the order they are shown.
    pub const ALL: [Self; 5] = [
        Self::Desktop,
        Self::Phone,
        Self::Tablet,
        Self::Proxy,
        Self::Unknown,
    ];

    /// The number it is stored as.
    pub const fn number(self) -> i32 {
        match self {
            Self::Unknown => 0,
            Self::Desktop => 1,
            Self::Phone => 2,
            Self::Tablet => 3,
            Self::Proxy => 4,
        }
    }

    /// As shown on the screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unknown => "unbekannt",
            Self::Desktop => "Computer",
            Self::Phone => "Smartphone",
            Self::Tablet => "Tablet",
            Self::Proxy => "Bilder-Proxy des Postfachs",
        }
    }
}

/// Programs that announce themselves by a word in their description.
const PROGRAMS: [&str; 14] = [
    "bot",
    "crawler",
    "spider",
    "curl/",
    "wget/",
    "python-requests",
    "python-urllib",
    "go-http-client",
    "java/",
    "libwww",
    "headlesschrome",
    "barracuda",
    "proofpoint",
    "mimecast",
];

/// Reads the class of device, and whether a program came, from the `User-Agent` and the method.
///
/// A HEAD request is never a person: browsers and mail programs load pictures with GET.
pub fn visitor(user_agent: Option<&str>, is_head: bool) -> Visitor {
    // Only the beginning matters, and a hostile header should not cost more than that.
    let text: String = user_agent
        .unwrap_or_default()
        .chars()
        .take(300)
        .collect::<String>()
        .to_ascii_lowercase();
    let has = |word: &str| text.contains(word);
    let device = if has("googleimageproxy") || has("yahoomailproxy") || has("ggpht.com") {
        Device::Proxy
    } else if has("ipad") || has("tablet") || (has("android") && !has("mobile")) {
        Device::Tablet
    } else if has("iphone") || has("android") || has("mobile") {
        Device::Phone
    } else if has("windows") || has("macintosh") || has("x11") || has("linux") || has("cros") {
        Device::Desktop
    } else {
        Device::Unknown
    };
    Visitor {
        device,
        automatic: is_head || PROGRAMS.iter().any(|program| has(program)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_programs_are_classed() {
        let device = |agent| visitor(Some(agent), false).device;
        assert_eq!(
            device("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130"),
            Device::Desktop
        );
        assert_eq!(
            device("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148"),
            Device::Phone
        );
        assert_eq!(
            device("Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X)"),
            Device::Tablet
        );
        assert_eq!(
            device("Mozilla/5.0 (Linux; Android 14; Pixel 8) Mobile Safari"),
            Device::Phone
        );
        assert_eq!(
            device("Mozilla/5.0 (via ggpht.com GoogleImageProxy)"),
            Device::Proxy
        );
        assert_eq!(visitor(None, false).device, Device::Unknown);
    }

    #[test]
    fn programs_and_head_requests_are_automatic() {
        assert!(visitor(Some("curl/8.1"), false).automatic);
        assert!(visitor(Some("Mozilla/5.0 (Windows NT 10.0)"), true).automatic);
        assert!(!visitor(Some("Mozilla/5.0 (Windows NT 10.0)"), false).automatic);
    }
}
