//! Where a message may go. The address comes from whoever runs the vault, but a name can be made to lead anywhere later, so it
//! is looked up once, every address of it is looked at, and the connection goes to what was looked at and nowhere else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::Url;

/// How far a receiver may lie.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reach {
    /// The company's own networks and this machine too, for a receiver that is meant to be there.
    pub private: bool,
    /// `http` to this machine and nothing else: for trying it out.
    pub loopback_http: bool,
}

/// A name that was looked up.
pub(super) struct Reached {
    pub(super) host: String,
    pub(super) addresses: Vec<SocketAddr>,
}

/// A name that is not found within so long is not there.
const LOOKING: Duration = Duration::from_secs(5);

/// Looks an address up, and looks at what came out.
pub(super) async fn look_up(url: &Url, reach: Reach) -> Result<Reached, &'static str> {
    let host = host_of(url, reach)?;
    let port = url.port_or_known_default().ok_or("bad_url")?;
    let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let found = tokio::time::timeout(LOOKING, tokio::net::lookup_host((bare.as_str(), port)));
    let addresses: Vec<SocketAddr> = match found.await {
        Ok(Ok(found)) => found.collect(),
        Ok(Err(_)) | Err(_) => return Err("no_such_host"),
    };
    if addresses.is_empty() {
        return Err("no_such_host");
    }
    // One that may not be reached spoils all: which of them is taken is not for us to guess.
    let is_plain = url.scheme() == "http";
    let may =
        |ip: IpAddr| if is_plain { ip.to_canonical().is_loopback() } else { may_reach(ip, reach.private) };
    match addresses.iter().all(|address| may(address.ip())) {
        true => Ok(Reached { host, addresses }),
        false => Err("forbidden_address"),
    }
}

/// The host of an address whose form is allowed.
fn host_of(url: &Url, reach: Reach) -> Result<String, &'static str> {
    match url.scheme() {
        "https" => {}
        "http" if reach.loopback_http => {}
        _ => return Err("not_https"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("bad_url");
    }
    url.host_str().map(str::to_owned).ok_or("bad_url")
}

/// Whether an address may be connected to. `private`: one's own networks too. Link-local addresses are never: that is where
/// clouds keep a machine's credentials.
fn may_reach(ip: IpAddr, private: bool) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => may_reach_v4(ip, private),
        IpAddr::V6(ip) => may_reach_v6(ip, private),
    }
}

fn may_reach_v4(ip: Ipv4Addr, private: bool) -> bool {
    let [a, b, c, _] = ip.octets();
    let never = ip.is_unspecified()
        || ip.is_multicast()
        || ip.is_broadcast()
        || ip.is_link_local()
        || ip.is_documentation()
        || a == 0
        || a >= 240
        || (a, b, c) == (192, 0, 0)
        || (a, b & 0xfe) == (198, 18);
    // 100.64.0.0/10 lies between a provider and its customers (RFC 6598).
    let own = ip.is_private() || ip.is_loopback() || (a, b & 0xc0) == (100, 64);
    !never && (private || !own)
}

fn may_reach_v6(ip: Ipv6Addr, private: bool) -> bool {
    let [a, b, ..] = ip.segments();
    let never = ip.is_unspecified()
        || ip.is_multicast()
        || (a & 0xffc0) == 0xfe80
        || (a & 0xffc0) == 0xfec0
        // Addresses of the older protocol in another dress: 64:ff9b::/96 and /48, 2002::/16, 2001::/32, ::/96.
        || (a, b) == (0x64, 0xff9b)
        || a == 0x2002
        || (a, b) == (0x2001, 0)
        || (a, b) == (0x2001, 0xdb8)
        || (ip.segments()[..6] == [0; 6] && !ip.is_loopback());
    let own = ip.is_loopback() || (a & 0xfe00) == 0xfc00;
    !never && (private || !own)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Reach = Reach { private: false, loopback_http: false };

    #[test]
    fn only_public_addresses_are_reached() {
        let may = |text: &str, private| may_reach(text.parse().unwrap(), private);
        for public in ["1.1.1.1", "203.119.1.1", "172.32.0.1", "100.128.0.1", "2400:3200::1"] {
            assert!(may(public, false), "{public}");
        }
        for own in [
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "127.0.0.1",
            "100.64.0.1",
            "::1",
            "fd00::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(!may(own, false), "{own}");
            assert!(may(own, true), "{own} is meant");
        }
        for never in [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "192.0.2.1",
            "::",
            "ff02::1",
            "fe80::1",
            "fec0::1",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "2001:0:a00::1",
            "::10.0.0.1",
            "2001:db8::1",
        ] {
            assert!(!may(never, false) && !may(never, true), "{never}");
        }
    }

    #[tokio::test]
    async fn a_form_that_leads_elsewhere_is_refused() {
        let look = |text: &'static str, reach: Reach| async move {
            look_up(&Url::parse(text).unwrap(), reach).await.map(|r| r.addresses.len()).unwrap_err()
        };
        for (url, why) in [
            ("http://example.com/", "not_https"),
            ("ftp://example.com/", "not_https"),
            ("file:///etc/passwd", "not_https"),
            ("https://user:word@example.com/", "bad_url"),
            ("https://127.0.0.1/", "forbidden_address"),
            // The same address as a browser would also write it.
            ("https://2130706433/", "forbidden_address"),
            ("https://0x7f.1/", "forbidden_address"),
            ("https://0177.0.0.1/", "forbidden_address"),
            ("https://[::1]/", "forbidden_address"),
            ("https://[::ffff:127.0.0.1]/", "forbidden_address"),
            ("https://169.254.169.254/latest/meta-data", "forbidden_address"),
            // A name that leads here.
            ("https://localhost/", "forbidden_address"),
        ] {
            assert_eq!(look(url, USUAL).await, why, "{url}");
        }
        let trying = Reach { private: false, loopback_http: true };
        assert_eq!(look("http://10.0.0.1/", trying).await, "forbidden_address");
        assert_eq!(look("http://1.1.1.1/", trying).await, "forbidden_address");
        let here = look_up(&Url::parse("http://127.0.0.1:9/").unwrap(), trying).await.ok().unwrap();
        assert_eq!(here.addresses, ["127.0.0.1:9".parse().unwrap()]);
    }
}
