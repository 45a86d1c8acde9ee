//! What looks at members need, read for all who look at this moment: one comparison of who may what, one statement a
//! column, however many ask. Nothing is opened here but consents.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Serialize;

use super::{Broker, Error, Ground};
use crate::access::known::Compared;
use crate::keyring::Tag;
use crate::model::code::{Channel, Purpose, RecipientClass};
use crate::model::field::Index;
use crate::store::chunks::State;
use crate::store::gather::Gather;
use crate::store::held::Held;
use crate::store::runs::PROBES;
use crate::store::{StoreError, View};

/// Most members read of one contact point: one that more share is nobody's.
const MOST: usize = 200;

/// Whom somebody looks for.
#[derive(Clone)]
pub(super) enum Sought {
    /// Whoever holds a tag.
    Tag(Index, Tag),
    /// Whoever lies in a place.
    Ordinal(i64),
    /// Nobody: a name that is good no more, or a value that is none.
    Nobody,
}

/// What was found, all of one moment.
pub(super) struct Moment {
    /// Who may what.
    pub(super) ground: Ground,
    /// The rest of what was compared with the log.
    pub(super) known: Arc<Compared>,
    /// Those who were sought, lowest ordinal first.
    pub(super) members: Vec<Held>,
}

/// One effective state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ConsentState {
    /// For what.
    pub purpose: Purpose,
    /// Over which channel.
    pub channel: Channel,
    /// To whom.
    pub class: RecipientClass,
    /// `granted`, `refused` or `withdrawn`.
    pub state: &'static str,
}

/// Who asks at this moment who is who.
pub(super) type Knowing = Gather<(), Result<Arc<Compared>, Error>>;

impl Broker {
    /// Who is who at this moment, as compared with the log ([`crate::access::Known`]), with others who ask it.
    pub(super) async fn known_now(&self) -> Result<Arc<Compared>, Error> {
        let read = |asked: Vec<()>| async move {
            let mut view = self.store.view().await?;
            let known = self.known.at(&mut view, self.clock().now()).await?;
            Ok(vec![known; asked.len()])
        };
        self.knowing.read((), read).await
    }

    /// Finds members, a moment for each who seeks.
    pub(super) async fn seek_in(
        &self,
        view: &mut View<'_>,
        sought: &[&Sought],
    ) -> Result<Vec<Result<Moment, Error>>, Error> {
        let known = self.known.at(view, self.clock().now()).await?;
        let ground = self.ground_of(&known).await?;
        let mut holders = BTreeMap::new();
        for index in Index::ALL {
            let of_index = |one: &&Sought| match one {
                Sought::Tag(of, tag) if of == index => Some(*tag),
                _ => None,
            };
            let tags: Vec<Tag> = sought.iter().filter_map(of_index).collect();
            for tags in tags.chunks(PROBES) {
                holders.entry(*index).or_insert_with(HashMap::new).extend(view.find_all(*index, tags).await?);
            }
        }
        let ordinals_of = |one: &Sought| -> Vec<i64> {
            match one {
                Sought::Tag(index, tag) => {
                    let held = holders.get(index).and_then(|of| of.get(tag));
                    held.into_iter().flatten().copied().take(MOST).collect()
                }
                Sought::Ordinal(ordinal) => vec![*ordinal],
                Sought::Nobody => Vec::new(),
            }
        };
        let mut all: Vec<i64> = sought.iter().flat_map(|one| ordinals_of(one)).collect();
        all.sort_unstable();
        all.dedup();
        let held = view.held(&all).await?;
        let found = sought.iter().map(|one| {
            let mut members = Vec::new();
            for ordinal in ordinals_of(one) {
                match (held.get(&ordinal), *one) {
                    (Some(held), _) => members.push(held.clone()),
                    // Erased since: a place outlives its member, an index entry does not.
                    (None, Sought::Ordinal(_) | Sought::Nobody) => {}
                    (None, Sought::Tag(index, _)) => {
                        return Err(
                            StoreError::integrity(format!("index_{index}"), "its member is gone").into()
                        );
                    }
                }
            }
            Ok(Moment { ground: ground.clone(), known: known.clone(), members })
        });
        Ok(found.collect())
    }

    /// Consents in effect of a member who may be looked at: his entry is written.
    pub(super) async fn consents_of(&self, ordinal: i64) -> Result<Vec<ConsentState>, Error> {
        let mut states = consents_in(&mut self.store.view().await?, &[ordinal]).await?;
        Ok(states.remove(&ordinal).unwrap_or_default())
    }
}

/// Consents in effect of members who may be looked at.
pub(super) async fn consents_in(
    view: &mut View<'_>,
    ordinals: &[i64],
) -> Result<BTreeMap<i64, Vec<ConsentState>>, StoreError> {
    let mut states: BTreeMap<i64, Vec<ConsentState>> = BTreeMap::new();
    for (ordinal, kind, state) in view.states(ordinals).await? {
        states.entry(ordinal).or_default().extend(state_of(&kind, state));
    }
    Ok(states)
}

/// A state of a kind of chunk; none when the kind is none of consents.
fn state_of(kind: &str, state: State) -> Option<ConsentState> {
    let mut parts = kind.split('/').skip(1);
    let mut part = || parts.next().unwrap_or_default();
    let purpose = Purpose::parse(part()).ok()?;
    let channel = Channel::parse(part()).ok()?;
    let class = RecipientClass::parse(part()).ok()?;
    Some(ConsentState { purpose, channel, class, state: state.code() })
}
