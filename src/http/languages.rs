//! In which language a problem is told: the first of `zh` and `en` that the client would rather have, else English.

use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::{HeaderMap, StatusCode};

use crate::model::lang::Lang;

/// What `Accept-Language` asks for (RFC 9110, section 12.5.4); of two that are as welcome, the one named first.
pub(super) fn chosen(headers: &HeaderMap) -> Lang {
    let said = headers.get_all(ACCEPT_LANGUAGE).iter().filter_map(|value| value.to_str().ok());
    let ranges = said.flat_map(|value| value.split(',')).filter_map(weighed);
    // `max_by` would take the last of equals.
    let best = ranges.fold(None, |best: Option<(Lang, u16)>, (lang, weight)| match best {
        Some((_, before)) if before >= weight => best,
        _ if weight == 0 => best,
        _ => Some((lang, weight)),
    });
    best.map_or(Lang::En, |(lang, _)| lang)
}

/// One range, as `zh-CN;q=0.8`: its language if it is one of ours, and its weight in thousandths.
fn weighed(range: &str) -> Option<(Lang, u16)> {
    let mut parts = range.split(';').map(str::trim);
    let tag = parts.next()?.split('-').next()?.to_ascii_lowercase();
    let lang = match tag.as_str() {
        "zh" => Lang::Zh,
        "en" | "*" => Lang::En,
        _ => return None,
    };
    let weight = match parts.find_map(|part| part.strip_prefix("q=").or(part.strip_prefix("Q="))) {
        None => 1_000,
        Some(q) => (q.parse::<f32>().ok().filter(|q| (0.0..=1.0).contains(q))? * 1_000.0) as u16,
    };
    Some((lang, weight))
}

/// What a status is called in Chinese; English has the registered phrase.
pub(super) fn title_zh(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 => "请求有误",
        401 => "需要登录",
        403 => "不允许",
        404 => "未找到",
        405 => "方法不被接受",
        409 => "与现状冲突",
        412 => "内容已变",
        413 => "请求体过大",
        415 => "媒体类型不被接受",
        422 => "内容不符合要求",
        428 => "需要先决条件",
        429 => "请求过多",
        503 => "暂时不可用",
        504 => "超时",
        _ => "系统错误",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_the_most_welcome_is_taken() {
        for (said, lang) in [
            ("", Lang::En),
            ("zh-CN,zh;q=0.9,en;q=0.8", Lang::Zh),
            ("en-GB, zh", Lang::En),
            ("fr, zh;q=0.5, en;q=0.4", Lang::Zh),
            ("zh;q=0, *;q=0.1", Lang::En),
            ("zh;q=0", Lang::En),
            ("de", Lang::En),
            ("ZH-hant ; q=0.3", Lang::Zh),
            ("zh;q=nothing, en;q=0.1", Lang::En),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, said.parse().unwrap());
            assert_eq!(chosen(&headers), lang, "{said}");
        }
    }
}
