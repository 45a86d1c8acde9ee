//! Seats, kinds of units and places in words: the closed lists that only tables and choices of the console name.

use crate::model::code::{Function, UnitKind};
use crate::model::lang::Lang;
use crate::policy::{Place, Reach, Slot};

/// What a unit is.
pub(super) fn kind(lang: Lang, kind: UnitKind) -> &'static str {
    match kind {
        UnitKind::Group => lang.pick("集团", "group"),
        UnitKind::Hq => lang.pick("本部", "headquarters"),
        UnitKind::Store => lang.pick("门店", "store"),
        UnitKind::Department => lang.pick("部门", "department"),
    }
}

/// What a department does.
pub(super) fn function(lang: Lang, function: Function) -> &'static str {
    match function {
        Function::Marketing => lang.pick("营销", "marketing"),
        Function::Planning => lang.pick("企划", "planning"),
        Function::Membership => lang.pick("会员管理", "member management"),
        Function::It => lang.pick("信息技术", "information technology"),
        Function::Other => lang.pick("其他", "other"),
    }
}

/// A seat of the chain.
pub(in crate::web) fn slot(lang: Lang, slot: Slot) -> &'static str {
    match slot {
        Slot::Dept => lang.pick("第一道：部门", "first: department"),
        Slot::Planning => lang.pick("第二道：企划", "second: planning"),
        Slot::Membership => lang.pick("第三道：会员管理", "third: member management"),
        Slot::Executor => lang.pick("执行", "execution"),
        Slot::Receiver => lang.pick("领取与交付", "receives and hands off"),
    }
}

/// How far a role reaches.
pub(super) fn reach(lang: Lang, reach: Reach) -> &'static str {
    match reach {
        Reach::Own => lang.pick("本单位", "own"),
        Reach::Any => lang.pick("全集团", "any"),
    }
}

/// A place that is asked about.
pub(super) fn place(lang: Lang, place: Place) -> &'static str {
    match place {
        Place::Own => lang.pick("本单位", "own unit"),
        Place::Other => lang.pick("其他单位", "another unit"),
    }
}
