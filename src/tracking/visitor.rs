//! What a hit's request says about who makes it, read once and then forgotten (rule P8).

use super::device::Device;
use super::machine;

/// A description is read up to here: what matters stands at its beginning, and a hostile one
/// should not cost more.
const LONGEST_DESCRIPTION: usize = 300;

/// What is known of a request. Nothing of it is kept.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request<'a> {
    /// The header `User-Agent`.
    pub user_agent: Option<&'a str>,
    /// Whether the request says that it fetches ahead of need: `Sec-Purpose`, `Purpose` or `X-Moz`
    /// name `prefetch`, or `X-Purpose` a preview.
    pub is_prefetch: bool,
}

/// Who made a hit, as far as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visitor {
    /// The class of device.
    pub device: Device,
    /// Whether a program came, not a person: decided once, never revised.
    pub automatic: bool,
}

impl Visitor {
    /// Reads who makes a request.
    pub fn of(request: Request<'_>) -> Self {
        let description: String = request
            .user_agent
            .unwrap_or_default()
            .chars()
            .take(LONGEST_DESCRIPTION)
            .collect::<String>()
            .to_ascii_lowercase();
        Self {
            device: Device::of(&description),
            automatic: request.is_prefetch || machine::is_machine(description.trim()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_fetches_ahead_is_no_person() {
        let person = Request {
            user_agent: Some("Mozilla/5.0 (Windows NT 10.0) Firefox/133.0"),
            ..Request::default()
        };
        assert!(!Visitor::of(person).automatic);
        let ahead = Request {
            is_prefetch: true,
            ..person
        };
        assert!(Visitor::of(ahead).automatic);
        assert!(!Visitor::of(Request::default()).automatic, "says nothing");
    }
}
