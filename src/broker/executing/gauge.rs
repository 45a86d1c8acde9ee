//! How far the packages are that this process makes: two numbers in memory, for who watches. They go with the process;
//! what must outlast it stands in the log.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::model::ids::PackageNo;

/// The packages in the making.
#[derive(Default)]
pub(in crate::broker) struct Gauges(Mutex<BTreeMap<PackageNo, (u64, u64)>>);

impl Gauges {
    /// Rows written and rows in all; nothing while this process has not written any.
    pub(in crate::broker) fn of(&self, no: &PackageNo) -> Option<(u64, u64)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(no).copied()
    }

    /// From here until it is dropped.
    pub(super) fn begin<'a>(&'a self, no: &PackageNo) -> Gauge<'a> {
        Gauge { all: self, no: no.clone() }
    }
}

/// One package in the making.
pub(super) struct Gauge<'a> {
    all: &'a Gauges,
    no: PackageNo,
}

impl Gauge<'_> {
    pub(super) fn stands(&self, done: u64, total: u64) {
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(self.no.clone(), (done, total));
    }
}

impl Drop for Gauge<'_> {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.no);
    }
}
