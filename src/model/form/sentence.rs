//! The one plain sentence that a signer is shown (design, Requests and the chain).

use super::Form;
use crate::model::lang::{Lang, Word, listed};

/// What people call the things that a form names by code.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// The asking unit.
    pub unit: &'a str,
    /// The vendor.
    pub vendor: &'a str,
    /// The officer who will download.
    pub receiver: &'a str,
}

impl Form {
    /// What a signature agrees to, in one sentence.
    pub fn sentence(&self, lang: Lang, names: &Names<'_>) -> String {
        match lang {
            Lang::Zh => self.zh(names),
            Lang::En => self.en(names),
        }
    }

    fn zh(&self, names: &Names<'_>) -> String {
        let who = if self.selection.is_everyone() {
            "全部会员".to_owned()
        } else {
            format!("符合条件（{}）的会员", self.selection.sentence(Lang::Zh))
        };
        format!(
            "同意 {unit} 为「{campaign}」({purpose}) 通过{channel}，向 {vendor} 提供{who}的{fields}，\
             由 {receiver} 领取，最多 {rows} 条，使用期 {from} 至 {to}，最迟 {destroy_by} 销毁。",
            unit = names.unit,
            campaign = quotable(&self.campaign),
            purpose = self.purpose.word(Lang::Zh),
            channel = self.channel.word(Lang::Zh),
            vendor = names.vendor,
            fields = self.field_words(Lang::Zh),
            receiver = names.receiver,
            rows = self.row_limit,
            from = self.window.from(),
            to = self.window.to(),
            destroy_by = self.destroy_by,
        )
    }

    fn en(&self, names: &Names<'_>) -> String {
        let who = if self.selection.is_everyone() {
            "every member".to_owned()
        } else {
            format!("members who match ({})", self.selection.sentence(Lang::En))
        };
        format!(
            "Agree that {unit}, for “{campaign}” ({purpose}) by {channel}, gives {vendor} the {fields} of {who}, \
             fetched by {receiver}, at most {rows} rows, for use from {from} to {to}, destroyed by {destroy_by} \
             at the latest.",
            unit = names.unit,
            campaign = quotable(&self.campaign),
            purpose = self.purpose.word(Lang::En),
            channel = self.channel.word(Lang::En),
            vendor = names.vendor,
            fields = self.field_words(Lang::En),
            receiver = names.receiver,
            rows = self.row_limit,
            from = self.window.from(),
            to = self.window.to(),
            destroy_by = self.destroy_by,
        )
    }

    fn field_words(&self, lang: Lang) -> String {
        let words: Vec<&str> = self.fields.iter().map(|field| field.word(lang)).collect();
        listed(lang, &words, "和", "and")
    }
}

/// A campaign's name cannot close its own quotation and go on as if it were the sentence.
fn quotable(text: &str) -> String {
    let inner = |c| match c {
        '「' | '“' => '『',
        '」' | '”' => '』',
        c => c,
    };
    text.chars().map(inner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::form::tests::EXAMPLE;

    const NAMES: Names<'_> = Names { unit: "本部营销部", vendor: "SMS1", receiver: "zhao.min" };

    #[test]
    fn the_example_is_read_aloud() {
        let form = Form::from_text(EXAMPLE).unwrap();
        assert_eq!(
            form.sentence(Lang::Zh, &NAMES),
            "同意 本部营销部 为「2026 新年满减」(促销) 通过短信，向 SMS1 提供符合条件（会员等级为金卡或白金，并且\
             （所属门店为S001或S002，或者累计消费不少于 1000.00 元），并且最近到店在 2025-01-01 当日或之后）的会员的手机号，\
             由 zhao.min 领取，最多 500000 条，使用期 2026-12-20 至 2027-01-05，最迟 2027-01-20 销毁。"
        );
        let en = form.sentence(Lang::En, &Names { unit: "HQ Marketing", ..NAMES });
        assert!(en.starts_with(
            "Agree that HQ Marketing, for “2026 新年满减” (promotion) by SMS, gives SMS1 the mobile number of members \
             who match (tier is gold or platinum, and ("
        ));
        assert!(en.ends_with("destroyed by 2027-01-20 at the latest."));
    }

    #[test]
    fn a_campaign_cannot_leave_its_quotation() {
        let text = EXAMPLE.replace("2026 新年满减", "x」(服务通知) 通过直邮");
        let zh = Form::from_text(&text).unwrap().sentence(Lang::Zh, &NAMES);
        assert_eq!(zh.matches('」').count(), 1);
    }
}
