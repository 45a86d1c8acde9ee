//! A network, as an address and how many of its bits are meant: `10.1.0.0/16`, `2001:db8::/32`, or one address.

use std::net::IpAddr;

use serde::Deserialize;

/// Addresses that begin alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Reads one.
    ///
    /// # Errors
    /// It is none, or has bits behind those that are meant: then something else was meant.
    pub fn parse(text: &str) -> Result<Network, &'static str> {
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.trim().parse().map_err(|_| "this is no address of a network")?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits =
            bits.map_or(Ok(width), |bits| bits.trim().parse().map_err(|_| "this is no number of bits"))?;
        if bits > width {
            return Err("an address has fewer bits than that");
        }
        let network = Network { address, bits };
        if number(address) & !network.mask() != 0 {
            return Err("the address has bits behind the network's");
        }
        Ok(network)
    }

    /// Whether an address is in it; an IPv4 address in IPv6's clothes is the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.address.is_ipv4() && number(address) & self.mask() == number(self.address)
    }

    /// Ones for the bits that are meant, from the top; an IPv4 address is the top 32.
    fn mask(&self) -> u128 {
        u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0)
    }
}

/// The address as a number, from the top.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

impl TryFrom<String> for Network {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Network, &'static str> {
        Network::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::Network;

    #[test]
    fn an_address_is_in_or_out() {
        for (network, inside, outside) in [
            ("10.1.0.0/16", "10.1.255.9", "10.2.0.1"),
            ("10.1.2.3", "10.1.2.3", "10.1.2.4"),
            ("10.1.0.0/16", "::ffff:10.1.0.1", "::10.1.0.1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("0.0.0.0/0", "203.0.113.9", "2001:db8::1"),
            ("127.0.0.0/8", "127.0.0.1", "::1"),
        ] {
            let read = Network::parse(network).unwrap();
            assert!(read.contains(inside.parse().unwrap()), "{inside} in {network}");
            assert!(!read.contains(outside.parse().unwrap()), "{outside} not in {network}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "10.1/16", "10.1.0.0/33", "10.1.0.1/16", "::/129", "10.0.0.0/-1", "office"] {
            assert!(Network::parse(text).is_err(), "{text}");
        }
    }
}
