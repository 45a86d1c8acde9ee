//! Where in a form or a file something is wrong, in Chinese.

use super::Spot;

/// The form's keys, and what people call them.
const KEYS: &[(&str, &str)] = &[
    ("act", "操作"),
    ("before", "日志序号"),
    ("body", "正文"),
    ("campaign", "活动"),
    ("card", "卡号"),
    ("channel", "渠道"),
    ("channels", "渠道"),
    ("code", "代码"),
    ("comment", "意见"),
    ("contract", "合同"),
    ("deputy", "代办人用户名"),
    ("destroy_by", "最迟销毁"),
    ("effective_at", "生效日"),
    ("family", "类别"),
    ("fields", "字段"),
    ("fingerprint_checked_by", "指纹核对方式"),
    ("from", "起始"),
    ("id", "编号"),
    ("impact_assessment", "影响评估编号"),
    ("key", "密钥"),
    ("language", "语言"),
    ("limit", "条数"),
    ("login", "用户名"),
    ("name", "名称"),
    ("purpose", "用途"),
    ("reason", "理由"),
    ("receiver", "领取人"),
    ("role", "角色"),
    ("row_limit", "行数上限"),
    ("selection", "会员条件"),
    ("seq", "日志序号"),
    ("to", "截止"),
    ("unit", "单位"),
    ("vendor", "外包商"),
    ("version", "版本"),
    ("window", "使用期"),
];

/// A place that a JSON pointer names; none when its key has no word.
pub fn of_pointer(pointer: &str) -> Option<String> {
    pointer.split('/').find(|part| !part.is_empty()).and_then(key)
}

/// A place in a form or a file; none when its key has no word.
pub fn of_spot(spot: &Spot) -> Option<String> {
    match spot {
        Spot::Key(place) => key(place),
        Spot::Line(line) => Some(format!("第 {line} 行")),
        Spot::FileLine(file, line) => Some(format!("{file} 第 {line} 行")),
    }
}

/// `window.from`, `fields[2]`: by the key that they lie in.
fn key(place: &str) -> Option<String> {
    let first = place.split(['.', '[']).next()?;
    KEYS.iter().find(|(code, _)| *code == first).map(|(_, word)| (*word).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_in_chinese_and_what_is_not_known_is_left_out() {
        for (spot, place) in [
            (Spot::Key("campaign".into()), Some("活动")),
            (Spot::Key("window.from".into()), Some("使用期")),
            (Spot::Key("fields[1]".into()), Some("字段")),
            (Spot::Line(3), Some("第 3 行")),
            (Spot::FileLine("switches.toml".into(), 12), Some("switches.toml 第 12 行")),
            (Spot::Key("unit S09".into()), None),
        ] {
            assert_eq!(of_spot(&spot).as_deref(), place, "{spot:?}");
        }
        assert_eq!(of_pointer("/row_limit").as_deref(), Some("行数上限"));
        assert_eq!(of_pointer("/x/y"), None);
    }
}
