//! The columns of a member file, by their names in both languages.

use crate::model::code::codes;

codes! {
    /// A column of a member file; the code is its English name.
    Column, "column" {
        /// 卡号
        Card = "card_no",
        /// 姓名
        Name = "name",
        /// 手机
        Mobile = "mobile",
        /// 邮箱
        Email = "email",
        /// 地址
        Address = "address",
        /// 邮编
        Postcode = "postcode",
        /// 生日
        Birthday = "birthday",
        /// 会员类型
        CardType = "card_type",
        /// 会员等级
        Tier = "tier",
        /// 归属门店
        HomeStore = "home_store",
        /// 入会日期
        JoinedOn = "joined_on",
        /// 规约
        Covenant = "covenant",
        /// 规约版本
        CovenantVersion = "covenant_version",
        /// 同意短信
        ConsentSms = "consent_sms",
        /// 同意邮寄
        ConsentPost = "consent_post",
        /// 同意邮件
        ConsentEmail = "consent_email",
        /// 累计消费
        SpendTotal = "spend_total",
        /// 最近消费日
        LastVisitOn = "last_visit_on",
        /// 同意时间: beside the eighteen of the ordinary export; makes a yes count as later than a refusal.
        ConsentAt = "consent_at",
        /// 同意凭证: goes with it.
        ConsentEvidence = "consent_evidence",
        /// 旧规约: never inferred from anything else (requirements, 3).
        LegacyCovenant = "legacy_covenant",
    }
}

impl Column {
    /// Whether its values are yes and no.
    pub(super) const fn is_yes_no(self) -> bool {
        matches!(
            self,
            Column::ConsentSms | Column::ConsentPost | Column::ConsentEmail | Column::LegacyCovenant
        )
    }

    /// The Chinese name.
    pub const fn zh(self) -> &'static str {
        match self {
            Column::Card => "卡号",
            Column::Name => "姓名",
            Column::Mobile => "手机",
            Column::Email => "邮箱",
            Column::Address => "地址",
            Column::Postcode => "邮编",
            Column::Birthday => "生日",
            Column::CardType => "会员类型",
            Column::Tier => "会员等级",
            Column::HomeStore => "归属门店",
            Column::JoinedOn => "入会日期",
            Column::Covenant => "规约",
            Column::CovenantVersion => "规约版本",
            Column::ConsentSms => "同意短信",
            Column::ConsentPost => "同意邮寄",
            Column::ConsentEmail => "同意邮件",
            Column::SpendTotal => "累计消费",
            Column::LastVisitOn => "最近消费日",
            Column::ConsentAt => "同意时间",
            Column::ConsentEvidence => "同意凭证",
            Column::LegacyCovenant => "旧规约",
        }
    }

    /// A header cell in either language; English in any case.
    pub(super) fn of(cell: &str) -> Option<Column> {
        let cell = cell.trim();
        Column::ALL.iter().copied().find(|c| c.zh() == cell || c.code().eq_ignore_ascii_case(cell))
    }
}
