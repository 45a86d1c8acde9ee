//! What each value takes and refuses, and that a normalised form is its own normal form.

use super::*;
use proptest::prelude::*;

fn mobile(text: &str) -> Result<String, ValueError> {
    Mobile::parse(text).map(|m| m.expose().to_owned())
}

fn email(text: &str) -> Result<String, ValueError> {
    Email::parse(text).map(|e| e.expose().to_owned())
}

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

#[test]
fn a_mobile_is_found_under_what_people_write_around_it() {
    for text in [
        "13800138000",
        "+86 138-0013-8000",
        "+86 138—0013−8000",
        "0086(138)00138000",
        "（+86）138 0013 8000",
        "１３８００１３８０００",
        "＋８６－１３８００１３８０００",
        "\t13800138000 ",
        "【138】\u{A0}0013\u{2011}8000",
    ] {
        assert_eq!(mobile(text).as_deref(), Ok("13800138000"), "{text}");
    }
}

#[test]
fn what_is_no_mobile_is_refused_with_its_reason() {
    for text in [
        "1380013800",
        "138001380000",
        "12800138000",
        "8613800138000",
        "+86+8613800138000",
        "1380013800a",
        "'13800138000",
        "١٣٨٠٠١٣٨٠٠٠",
    ] {
        assert_eq!(mobile(text), Err(ValueError::NotMobile), "{text}");
    }
    assert_eq!(mobile("1.38E+10"), Err(ValueError::ScientificNotation));
    assert_eq!(mobile("１．３８Ｅ＋１０"), Err(ValueError::ScientificNotation));
    assert_eq!(mobile(" \u{3000}"), Err(ValueError::Empty));
    assert_eq!(mobile("138\u{FFFD}0138000"), Err(ValueError::Undecodable));
}

#[test]
fn postcodes_and_cards() {
    assert_eq!(Postcode::parse("２００００１").unwrap().expose(), "200001");
    assert_eq!(Postcode::parse("76415"), Err(ValueError::NotPostcode));
    assert_eq!(Postcode::parse("2E+05"), Err(ValueError::ScientificNotation));
    assert_eq!(CardNo::parse(" ８８-00a ").unwrap().expose(), "88-00a");
    assert_eq!(CardNo::parse("1E5").unwrap().expose(), "1E5");
    assert_eq!(CardNo::parse("8.8E+07"), Err(ValueError::ScientificNotation));
    assert_eq!(CardNo::parse("88 00"), Err(ValueError::NotCard));
    assert_eq!(CardNo::parse(&"8".repeat(33)), Err(ValueError::NotCard));
}

#[test]
fn shorter_card_numbers_come_first() {
    let card = |text| CardNo::parse(text).unwrap();
    assert!(card("9") < card("10") && card("10") < card("11") && card("Z9") < card("100"));
}

#[test]
fn an_email_address_is_bare_and_its_domain_small() {
    assert_eq!(email(" Wang.Fang+a@Example.COM ").as_deref(), Ok("Wang.Fang+a@example.com"));
    assert_eq!(email("ｗａｎｇ＠ｅｘａｍｐｌｅ。ｃｏｍ").as_deref(), Ok("wang@example.com"));
    assert_eq!(email("王@例子.中国").as_deref(), Ok("王@例子.中国"));
    for text in [
        "wang",
        "wang@localhost",
        "@example.com",
        "wang@",
        "wang@@example.com",
        "wang fang@example.com",
        "\"wang fang\"@example.com",
        "Wang <wang@example.com>",
        "wang@[127.0.0.1]",
        "wang@exa_mple.com",
        "wang@-example.com",
        "wang@example..com",
        ".wang@example.com",
        "wang@example.com\r\nBcc: a@b.com",
        "a@b.com,c@d.com",
    ] {
        assert_eq!(email(text), Err(ValueError::NotEmail), "{text}");
    }
    assert_eq!(email(&format!("{}@example.com", "a".repeat(65))), Err(ValueError::NotEmail));
    assert_eq!(email(&format!("a@{}com", "abcdefghi.".repeat(25))), Err(ValueError::NotEmail));
}

#[test]
fn names_and_addresses_stay_as_written() {
    assert_eq!(Name::parse(" =1+1 ").unwrap().expose(), "=1+1");
    assert_eq!(Name::parse("Ａｄａ  Ｗａｎｇ").unwrap().expose(), "Ａｄａ Ｗａｎｇ");
    assert_eq!(Name::parse(&"王".repeat(65)), Err(ValueError::TooLong));
    assert_eq!(Address::parse("上海市\n南京路1号").unwrap().expose(), "上海市 南京路1号");
    assert!(Address::parse(&"路".repeat(256)).is_ok());
}

#[test]
fn birthdays_have_bounds_and_children_are_told() {
    let today = day("2026-03-01");
    assert_eq!(Birthday::parse("2026-03-02", today), Err(ValueError::InFuture));
    assert_eq!(Birthday::parse("1899-12-31", today), Err(ValueError::TooEarly));
    assert_eq!(Birthday::parse("2011-02-30", today), Err(ValueError::NoSuchDay));
    let leap = Birthday::parse("2012/2/29", today).unwrap();
    assert_eq!(leap.expose(), "2012-02-29");
    assert!(leap.is_under(14, day("2026-02-28")));
    assert!(!leap.is_under(14, today));
}

#[test]
fn nothing_prints_a_value() {
    let shown = format!(
        "{:?} {:?} {:?}",
        Mobile::parse("13800138000").unwrap(),
        Name::parse("王芳").unwrap(),
        Birthday::parse("2000-01-01", day("2026-01-01")).unwrap()
    );
    assert_eq!(shown, "Mobile Name Birthday");
}

#[test]
fn formulas_are_known_by_their_first_character() {
    assert!(["=1", "+86", "-1", "@a", "\tx", "\rx"].iter().all(|v| is_unsafe(v)));
    assert!(!["王芳", "1=1", "", " =1"].iter().any(|v| is_unsafe(v)));
}

proptest! {
    #[test]
    fn a_normal_form_is_its_own(text in "\\PC{0,40}", digits in "[0-9０-９ -]{5,9}", card in "[0-9A-Za-z０-９-]{1,34}") {
        let today = day("2026-01-01");
        if let Ok(v) = Name::parse(&text) { prop_assert_eq!(&Name::parse(v.expose()).unwrap(), &v); }
        if let Ok(v) = Address::parse(&text) { prop_assert_eq!(&Address::parse(v.expose()).unwrap(), &v); }
        if let Ok(v) = Postcode::parse(&digits) { prop_assert_eq!(&Postcode::parse(v.expose()).unwrap(), &v); }
        if let Ok(v) = CardNo::parse(&card) { prop_assert_eq!(&CardNo::parse(v.expose()).unwrap(), &v); }
        if let Ok(v) = Birthday::parse(&text, today) { prop_assert_eq!(&Birthday::parse(v.expose(), today).unwrap(), &v); }
    }

    #[test]
    fn an_email_is_its_own_normal_form(local in "[\\p{L}０-９a-zA-Z.+_-]{1,10}", domain in "[\\p{L}Ａ-Ｚ0-9-]{1,10}", tld in "[\\p{Lu}。.A-Z]{1,6}") {
        if let Ok(v) = Email::parse(&format!("{local}@{domain}.{tld}")) {
            prop_assert_eq!(&Email::parse(v.expose()).unwrap(), &v);
        }
    }

    #[test]
    fn decorations_never_change_a_mobile(
        number in "1[3-9][0-9]{9}",
        prefix in prop::sample::select(vec!["", "+86", "0086", "+86 ", "(+86)", "＋８６"]),
        marks in prop::collection::vec(prop::sample::select(vec!["", " ", "-", "—", "(", "）", "\u{3000}", "\u{2011}"]), 11),
        wide in any::<bool>(),
    ) {
        let digit = |c: char| if wide { char::from_u32(c as u32 + 0xFEE0).unwrap() } else { c };
        let decorated: String = number.chars().zip(&marks).flat_map(|(c, m)| m.chars().chain([digit(c)])).collect();
        prop_assert_eq!(mobile(&format!("{prefix}{decorated}")), Ok(number.clone()));
        prop_assert_eq!(mobile(&number), Ok(number));
    }

    #[test]
    fn no_text_makes_parsing_panic(text in any::<String>()) {
        let _ = (mobile(&text), email(&text), Postcode::parse(&text), CardNo::parse(&text), Name::parse(&text));
    }
}
