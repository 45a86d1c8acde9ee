//! The two languages, and our closed lists' words in them (requirement A5a asks for both).

use serde::{Deserialize, Serialize};

use super::code::{CardType, Channel, Purpose, Rank, Role, Step, Tier, codes};
use super::field::Field;
use super::phrase::{PhraseError, phrase};

codes! {
    /// A language that people read.
    Lang, "language" {
        /// 简体中文
        Zh = "zh",
        /// English
        En = "en",
    }
}

impl Lang {
    /// The one of two texts that is in this language.
    pub const fn pick<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Lang::Zh => zh,
            Lang::En => en,
        }
    }
}

/// What a code is called by people.
pub trait Word {
    /// The word in the language.
    fn word(self, lang: Lang) -> &'static str;
}

impl Word for Role {
    fn word(self, lang: Lang) -> &'static str {
        match self {
            Role::InfoOfficer => lang.pick("会员信息管理专员", "information officer"),
            Role::DeptHead => lang.pick("部门负责人", "department head"),
            Role::PlanningHead => lang.pick("企划负责人", "planning head"),
            Role::PlanningOfficer => lang.pick("企划专员", "planning officer"),
            Role::MemberHead => lang.pick("会员管理负责人", "head of member management"),
            Role::Executor => lang.pick("信息部门执行人", "executor"),
            Role::VendorManager => lang.pick("外包商管理员", "vendor manager"),
            Role::Counter => lang.pick("会员服务台", "counter"),
            Role::Auditor => lang.pick("审计员", "auditor"),
            Role::Admin => lang.pick("管理员", "administrator"),
        }
    }
}

impl Word for Rank {
    fn word(self, lang: Lang) -> &'static str {
        match self {
            Rank::Staff => lang.pick("员工", "staff"),
            Rank::Supervisor => lang.pick("主管", "supervisor"),
            Rank::Manager => lang.pick("经理", "manager"),
            Rank::Director => lang.pick("总监", "director"),
        }
    }
}

impl Word for Step {
    fn word(self, lang: Lang) -> &'static str {
        match self {
            Step::Dept => Role::DeptHead.word(lang),
            Step::Planning => Role::PlanningHead.word(lang),
            Step::Membership => Role::MemberHead.word(lang),
        }
    }
}

/// `a counter`, `an auditor`: a word of ours with its article, in an English sentence.
pub fn an(word: &str) -> String {
    let article = if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    format!("{article} {word}")
}

impl Word for Purpose {
    fn word(self, lang: Lang) -> &'static str {
        match self {
            Purpose::Promotion => lang.pick("促销", "promotion"),
            Purpose::Service => lang.pick("服务通知", "service notice"),
        }
    }
}

impl Word for Channel {
    fn word(self, lang: Lang) -> &'static str {
        match self {
            Channel::Sms => lang.pick("短信", "SMS"),
            Channel::Post => lang.pick("直邮", "direct mail"),
            Channel::Email => lang.pick("电子邮件", "email"),
        }
    }
}

impl Word for Tier {
    fn word(self, lang: Lang) -> &'static str {
        match self {
            Tier::Ordinary => lang.pick("普通", "ordinary"),
            Tier::Silver => lang.pick("银卡", "silver"),
            Tier::Gold => lang.pick("金卡", "gold"),
            Tier::Platinum => lang.pick("白金", "platinum"),
        }
    }
}

impl Word for CardType {
    fn word(self, lang: Lang) -> &'static str {
        match self {
            CardType::Member => lang.pick("会员卡", "member card"),
            CardType::Cobranded => lang.pick("联名卡", "co-branded card"),
        }
    }
}

impl Word for Field {
    fn word(self, lang: Lang) -> &'static str {
        match self {
            Field::Card => lang.pick("卡号", "card number"),
            Field::Name => lang.pick("姓名", "name"),
            Field::Mobile => lang.pick("手机号", "mobile number"),
            Field::Email => lang.pick("邮箱", "email address"),
            Field::Address => lang.pick("地址", "postal address"),
            Field::Postcode => lang.pick("邮编", "postcode"),
            Field::Birthday => lang.pick("生日", "birthday"),
        }
    }
}

/// `a, b or c` / `a、b或c`; the last joint is the caller's (`or`, `and`, `或`, `和`).
pub fn listed<T: AsRef<str>>(lang: Lang, items: &[T], zh_last: &str, en_last: &str) -> String {
    let (comma, last) = match lang {
        Lang::Zh => ("、", zh_last.to_owned()),
        Lang::En => (", ", format!(" {en_last} ")),
    };
    match items.split_last() {
        None => String::new(),
        Some((only, [])) => only.as_ref().to_owned(),
        Some((end, head)) => {
            let head: Vec<&str> = head.iter().map(AsRef::as_ref).collect();
            format!("{}{last}{}", head.join(comma), end.as_ref())
        }
    }
}

/// A name in both languages as files write it: `{ zh = "本部", en = "Headquarters" }`.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NameFile {
    /// 简体中文
    pub zh: String,
    /// English
    pub en: String,
}

impl NameFile {
    /// Both names, each 1 to 80 characters, `zh` first.
    ///
    /// # Errors
    /// The key, and what is wrong with its text.
    pub fn checked(&self) -> Result<(String, String), (&'static str, PhraseError)> {
        let zh = phrase(&self.zh, 80).map_err(|err| ("name.zh", err))?;
        let en = phrase(&self.en, 80).map_err(|err| ("name.en", err))?;
        Ok((zh, en))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_as_people_write_them() {
        assert_eq!(listed(Lang::En, &["a", "b", "c"], "或", "or"), "a, b or c");
        assert_eq!(listed(Lang::Zh, &["甲", "乙", "丙"], "或", "or"), "甲、乙或丙");
        assert_eq!(listed(Lang::En, &["a"], "或", "or"), "a");
    }
}
