//! The little that is kept of a browser's description (rule P8): a class, decided at the hit.

use super::machine;

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

    /// The class that is stored as that number.
    pub fn of_number(number: i32) -> Self {
        let found = Self::ALL
            .into_iter()
            .find(|device| device.number() == number);
        found.unwrap_or(Self::Unknown)
    }

    /// As programs read it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Desktop => "desktop",
            Self::Phone => "phone",
            Self::Tablet => "tablet",
            Self::Proxy => "proxy",
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

impl Device {
    /// The class of device that a description in lower case speaks of.
    pub(super) fn of(description: &str) -> Self {
        let has = |word: &str| description.contains(word);
        if machine::is_picture_proxy(description) {
            Self::Proxy
        } else if has("ipad") || has("tablet") || (has("android") && !has("mobile")) {
            Self::Tablet
        } else if has("iphone") || has("android") || has("mobile") {
            Self::Phone
        } else if has("windows") || has("macintosh") || has("x11") || has("linux") || has("cros") {
            Self::Desktop
        } else {
            Self::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_programs_are_classed() {
        let device = |agent: &str| Device::of(&agent.to_ascii_lowercase());
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
        assert_eq!(device(""), Device::Unknown);
    }
}
