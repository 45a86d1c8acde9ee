//! Refusals of callers whom nobody knows: counted by address and kept for less than a minute, then one entry an address says
//! how many of which there were. One entry each would let anybody fill the log.
//!
//! What is counted and not written yet is lost when the process dies; nothing else is.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use super::{Broker, Error, Refusal};
use crate::audit::event::{Action, Actor, Event};
use crate::clock::Micros;
use crate::keyring::Tag;

/// So long after an address's first refusal they are written: 50 seconds.
const KEPT: Micros = 50_000_000;
/// Addresses that are told apart at once; of more, the rest are counted together.
const ADDRESSES: usize = 4_096;

/// An address by its keyed tag; none for all that cannot be told apart.
type From = Option<Tag>;

/// Refusals that are not in the log yet.
#[derive(Default)]
pub(super) struct Unknowns(Mutex<BTreeMap<From, Counted>>);

struct Counted {
    since: Micros,
    codes: BTreeMap<&'static str, u64>,
}

impl Unknowns {
    fn count(&self, from: From, code: &'static str, n: u64, since: Micros) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let from = if kept.len() < ADDRESSES || kept.contains_key(&from) { from } else { None };
        let counted = kept.entry(from).or_insert_with(|| Counted { since, codes: BTreeMap::new() });
        counted.since = counted.since.min(since);
        *counted.codes.entry(code).or_default() += n;
    }

    /// Takes out one address whose first refusal was before a moment.
    fn take(&self, before: Micros) -> Option<(From, Counted)> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let from = kept.iter().find(|(_, counted)| counted.since <= before).map(|(from, _)| *from)?;
        kept.remove_entry(&from)
    }
}

/// An address as it is counted: of the newer protocol the network, for whoever has one address there has them all.
pub(super) fn network(from: IpAddr) -> String {
    match from.to_canonical() {
        IpAddr::V4(four) => four.to_string(),
        IpAddr::V6(six) => {
            let [a, b, c, d, ..] = six.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

impl Broker {
    /// Counts a refusal of somebody unknown.
    pub fn refused_unknown(&self, from: Option<IpAddr>, code: &'static str) {
        let tag = from
            .map(|ip| self.store.keyring().passing_tag(&[b"attempt", b"address", network(ip).as_bytes()]));
        self.unknowns.count(tag, code, 1, self.clock().now());
    }

    /// Runs what somebody unknown asks for, counting a refusal.
    pub(super) async fn unknown<T>(
        &self,
        from: Option<IpAddr>,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let done = work.await;
        if let Err(Error::Refused(refusal)) = &done {
            self.refused_unknown(from, refusal.code);
        }
        done
    }

    /// Writes what was counted for long enough, or all of it when the process ends.
    ///
    /// # Errors
    /// The database failed; what could not be written is kept.
    pub async fn write_refused(&self, all: bool) -> Result<(), Error> {
        let before = if all { Micros::MAX } else { self.clock().now() - KEPT };
        while let Some((from, counted)) = self.unknowns.take(before) {
            let refusal = Refusal::new("not_recognised", "B9", "callers whom nobody knows");
            let object =
                from.map_or("address/unknown".to_owned(), |tag| format!("address/{}", hex::encode(tag)));
            let event =
                Event::new(Action::AnonymousRefused, Actor::Anonymous).object(object).refused(&refusal);
            let event = counted.codes.iter().fold(event, |event, (code, n)| event.count(code, *n));
            let written = async { self.store.work().await?.commit(event).await };
            if let Err(error) = written.await {
                counted.codes.iter().for_each(|(code, n)| self.unknowns.count(from, code, *n, counted.since));
                return Err(error.into());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart_up_to_a_bound() {
        let unknowns = Unknowns::default();
        for n in 0..2 * ADDRESSES as u32 {
            let mut tag = [0; 16];
            tag[..4].copy_from_slice(&n.to_le_bytes());
            unknowns.count(Some(tag), "not_signed_in", 1, 1);
        }
        let (mut taken, mut refusals) = (0, 0);
        while let Some((_, counted)) = unknowns.take(1) {
            taken += 1;
            refusals += counted.codes["not_signed_in"];
        }
        assert_eq!((taken, refusals), (ADDRESSES + 1, 2 * ADDRESSES as u64));
    }

    #[test]
    fn what_is_young_is_kept() {
        let unknowns = Unknowns::default();
        unknowns.count(None, "wrong_code", 1, 10);
        assert!(unknowns.take(9).is_none());
        assert!(unknowns.take(10).is_some() && unknowns.take(10).is_none());
    }

    #[test]
    fn a_network_is_one_address() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(of("2001:db8:0:1::5"), of("2001:db8:0:1:ffff::9"));
        assert_ne!(of("2001:db8:0:1::5"), of("2001:db8:0:2::5"));
    }
}
