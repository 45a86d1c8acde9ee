//! Where in a form or a file something is wrong, in Chinese: what English details say at their beginning.

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

/// The place that an English detail begins with: a file and its line, a line, or a key of the form.
pub fn of_detail(detail: &str) -> Option<String> {
    let words: Vec<&str> = detail.split([' ', ',', '\n']).filter(|word| !word.is_empty()).collect();
    // `switches.toml:7:` names both.
    let in_file = words.iter().find_map(|word| {
        let (file, line) = word.trim_end_matches(':').rsplit_once(':')?;
        line.parse::<u32>().ok().map(|line| format!("{file} 第 {line} 行"))
    });
    let in_line = || {
        let line = words.windows(2).find(|pair| pair[0] == "line")?[1].trim_end_matches(':');
        line.parse::<u32>().ok().map(|line| format!("第 {line} 行"))
    };
    in_file.or_else(in_line).or_else(|| detail.split_once(": ").and_then(|(place, _)| key(place)))
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
        for (detail, place) in [
            ("campaign: is longer than 80 characters", Some("活动")),
            ("window.from: is no date", Some("使用期")),
            ("fields[1]: is not a known field", Some("字段")),
            ("line 3, column 7", Some("第 3 行")),
            ("the policy cannot be used: switches.toml:12: expected own", Some("switches.toml 第 12 行")),
            ("unit S09: has no parent", None),
            ("the destroy-by date has passed", None),
            ("", None),
        ] {
            assert_eq!(of_detail(detail).as_deref(), place, "{detail}");
        }
        assert_eq!(of_pointer("/row_limit").as_deref(), Some("行数上限"));
        assert_eq!(of_pointer("/x/y"), None);
    }
}
