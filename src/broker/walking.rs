//! What the lists of requests, of packages and of days have in common: requests one behind the other, newest first, and
//! whether the reader may see each. A list is walked in a view: it holds up nobody who writes. Its entry is written when
//! it is made and before it is shown.

use std::collections::BTreeSet;
use std::vec::IntoIter;

use super::rounds::seated;
use super::showing::yes;
use super::standing::form_of;
use super::{Broker, Error, Ground};
use crate::access::{Asked, Caller, Common};
use crate::clock::Micros;
use crate::model::code::Role;
use crate::model::form::Form;
use crate::model::ids::RequestNo;
use crate::policy::Act;
use crate::store::requests::{Picked, RequestRow};
use crate::store::{StoreError, View};

/// How many requests are read at once where no page says how many.
const AT_ONCE: u32 = 200;

/// Requests one behind the other; as many are read at once as a page has lines.
pub(super) struct Walk<'a> {
    picked: Picked<'a>,
    behind: Option<RequestRow>,
    read: u32,
    rows: IntoIter<RequestRow>,
    /// Nothing is behind the rows that were read.
    ended: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(picked: Picked<'a>, behind: Option<RequestRow>, read: Option<u32>) -> Walk<'a> {
        Walk { picked, behind, read: read.unwrap_or(AT_ONCE), rows: Vec::new().into_iter(), ended: false }
    }

    pub(super) async fn next(&mut self, view: &mut View<'_>) -> Result<Option<RequestRow>, StoreError> {
        if self.rows.len() == 0 && !self.ended {
            let picked = Picked { behind: self.behind.as_ref(), most: Some(self.read), ..self.picked };
            let rows = view.requests_picked(picked).await?;
            self.ended = rows.len() < self.read as usize;
            self.behind = rows.last().cloned();
            self.rows = rows.into_iter();
        }
        Ok(self.rows.next())
    }
}

/// Who reads a list, and what was found about it so far.
pub(super) struct Reader<'a> {
    pub(super) ground: &'a Ground,
    pub(super) caller: &'a Caller,
    pub(super) common: Common,
    /// Requests that were copied to the caller.
    copied: BTreeSet<RequestNo>,
    /// Only what may wait for the caller is wanted.
    todo: bool,
}

/// A request that its reader may see.
pub(super) struct Open {
    pub(super) form: Form,
    pub(super) asked: Option<Asked>,
}

impl<'a> Reader<'a> {
    pub(super) async fn new(
        view: &mut View<'_>,
        ground: &'a Ground,
        caller: &'a Caller,
        at: Micros,
        todo: bool,
    ) -> Result<Reader<'a>, Error> {
        let copies = view.copies_to(caller.login()).await?;
        let copied = copies.into_iter().map(|note| note.no).collect();
        Ok(Reader { ground, caller, common: ground.common(at), copied, todo })
    }

    /// Whether it is worth asking if the caller may see a request: whom no rule about its unit lets, and who has no copy,
    /// may not.
    fn might_see(&self, row: &RequestRow) -> bool {
        let Reader { ground, caller, .. } = *self;
        let may = |act| ground.staff.may(&ground.policy, caller, act, Some(&row.unit)).is_ok();
        let open = may(Act::RequestShow) || may(Act::RequestList) || seated(ground, caller, &row.unit);
        open || self.copied.contains(&row.no)
    }

    /// Whether it is worth asking if a request waits for the caller: nobody else than these ever holds one.
    fn might_hold(&self, row: &RequestRow, form: &Form) -> bool {
        let Reader { ground, caller, .. } = *self;
        form.receiver() == caller.login()
            || ground.staff.holds(caller.login(), Role::InfoOfficer, &row.unit)
            || seated(ground, caller, &row.unit)
    }
}

impl Broker {
    /// A request, if its reader may see it. What surely is none of the reader's is not worked out.
    pub(super) async fn open_to(
        &self,
        view: &mut View<'_>,
        reader: &mut Reader<'_>,
        row: &RequestRow,
    ) -> Result<Option<Open>, Error> {
        if !reader.might_see(row) {
            return Ok(None);
        }
        let form = form_of(&row.form, &row.no)?;
        if reader.todo && !reader.might_hold(row, &form) {
            return Ok(None);
        }
        let Reader { ground, caller, .. } = *reader;
        let asked = Asked::load(view, &self.shelf, self.clock(), row.clone(), &mut reader.common).await?;
        let seen = match &asked {
            Some(asked) => self.check_may_see(view, ground, caller, asked).await,
            None => self.check_shown_to(view, ground, caller, &row.no, &row.unit, Act::RequestList).await,
        };
        Ok(yes(seen)?.then_some(Open { form, asked }))
    }

    /// The request behind which a page begins. One that the reader may not see is nowhere, as one that is not there: by
    /// where a page begins nobody learns of it.
    pub(super) async fn place_of(
        &self,
        view: &mut View<'_>,
        reader: &mut Reader<'_>,
        behind: Option<&RequestNo>,
    ) -> Result<Option<RequestRow>, Error> {
        let Some(no) = behind else { return Ok(None) };
        let Some(row) = view.request(no).await? else { return Ok(None) };
        Ok(self.open_to(view, reader, &row).await?.map(|_| row))
    }
}
