//! Who is at the other end of a request: for limits that live in memory alone (rule P8: no
//! address is stored or logged).

use std::net::{IpAddr, Ipv6Addr};

use actix_web::HttpRequest;
use ipnet::IpNet;

/// The client's address: that of the connection, or behind the named proxies the one they say
/// they speak for.
///
/// `X-Forwarded-For` is a list to which each proxy appends whom it heard. It is read from its
/// end, as long as the entries are proxies of ours; the first other one is the client. What stands
/// before that was written by the client and is never looked at, and from anybody who is no
/// named proxy the header is not read at all.
pub fn address(request: &HttpRequest, proxies: &[IpNet]) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip().to_canonical();
    let values = request
        .headers()
        .get_all("x-forwarded-for")
        .filter_map(|value| value.to_str().ok());
    Some(behind(peer, values, proxies))
}

/// What a limit takes for one client: an address of IPv4, or the /64 of one of IPv6, of which whoever
/// has one address has all. None for this machine: what comes from it comes through a proxy, as
/// everybody does.
pub fn of_limit(address: Option<IpAddr>) -> Option<IpAddr> {
    let address = address?.to_canonical();
    if address.is_loopback() {
        return None;
    }
    Some(match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    })
}

fn behind<'a>(
    peer: IpAddr,
    forwarded: impl DoubleEndedIterator<Item = &'a str>,
    proxies: &[IpNet],
) -> IpAddr {
    let is_ours = |address: &IpAddr| proxies.iter().any(|network| network.contains(address));
    let mut nearest = peer;
    let heard = forwarded.rev().flat_map(|value| value.rsplit(','));
    for entry in heard {
        if !is_ours(&nearest) {
            break;
        }
        // A proxy that says nothing intelligible speaks for itself.
        let Some(address) = parse(entry.trim()) else {
            break;
        };
        nearest = address;
    }
    nearest
}

/// An address as proxies write it: bare, in brackets, or with a port.
fn parse(entry: &str) -> Option<IpAddr> {
    let bare = entry.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>()
        .ok()
        .or_else(|| entry.parse::<std::net::SocketAddr>().ok().map(|a| a.ip()))
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str], proxies: &[&str]) -> String {
        let proxies: Vec<IpNet> = proxies.iter().map(|p| p.parse().unwrap()).collect();
        behind(peer.parse().unwrap(), forwarded.iter().copied(), &proxies).to_string()
    }

    const OURS: &[&str] = &["127.0.0.1/32", "10.0.0.0/8"];

    #[test]
    fn a_limit_knows_networks() {
        let of = |address: &str| {
            let client = of_limit(Some(address.parse().unwrap()));
            client.map(|client| client.to_string())
        };
        assert_eq!(of("198.51.100.7").as_deref(), Some("198.51.100.7"));
        assert_eq!(of("::ffff:198.51.100.7").as_deref(), Some("198.51.100.7"));
        assert_eq!(
            of("2001:db8:1:2:3:4:5:6").as_deref(),
            Some("2001:db8:1:2::")
        );
        for here in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(of(here), None, "{here}");
        }
        assert_eq!(of_limit(None), None);
    }

    #[test]
    fn nobody_is_believed_unless_named() {
        assert_eq!(client("127.0.0.1", &["198.51.100.7"], &[]), "127.0.0.1");
        assert_eq!(
            client("203.0.113.9", &["198.51.100.7"], OURS),
            "203.0.113.9"
        );
    }

    #[test]
    fn a_named_proxy_says_whom_it_speaks_for() {
        assert_eq!(client("127.0.0.1", &["198.51.100.7"], OURS), "198.51.100.7");
        assert_eq!(
            client("127.0.0.1", &["198.51.100.7:4711"], OURS),
            "198.51.100.7"
        );
        assert_eq!(
            client("127.0.0.1", &["[2001:db8::7]:4711"], OURS),
            "2001:db8::7"
        );
        assert_eq!(client("127.0.0.1", &["2001:db8::7"], OURS), "2001:db8::7");
        assert_eq!(
            client("127.0.0.1", &["::ffff:198.51.100.7"], OURS),
            "198.51.100.7"
        );
    }

    #[test]
    fn what_the_client_wrote_itself_is_not_looked_at() {
        let lies = "192.0.2.1, 10.9.9.9";
        assert_eq!(
            client("127.0.0.1", &[lies, "198.51.100.7, 10.0.0.4"], OURS),
            "198.51.100.7"
        );
        assert_eq!(
            client("127.0.0.1", &["192.0.2.1, 198.51.100.7, 10.0.0.4"], OURS),
            "198.51.100.7"
        );
    }

    #[test]
    fn a_proxy_that_says_nothing_intelligible_speaks_for_itself() {
        for nonsense in [
            "",
            "unknown",
            "_hidden",
            "300.1.1.1",
            "198.51.100.7;",
            ",,,",
        ] {
            assert_eq!(
                client("10.0.0.4", &[nonsense], OURS),
                "10.0.0.4",
                "{nonsense}"
            );
        }
        assert_eq!(client("10.0.0.4", &[], OURS), "10.0.0.4");
    }
}
