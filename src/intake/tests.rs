//! Whole files, from bytes to rows.

use super::*;
use crate::model::code::{CardType, Channel, CovenantFamily, Tier};
use crate::model::member::Cell;
use proptest::prelude::*;

/// 64 invented rows after the pattern of a member system's export, with one of each mistake.
const SAMPLE: &[u8] = include_bytes!("../../tests/data/members_sample.csv");

/// Line, column and code of everything wrong in the sample.
const WRONG: &[(u64, &str, &str)] = &[
    (22, "mobile", "not_mobile"),
    (23, "mobile", "scientific_notation"),
    (24, "mobile", "not_mobile"),
    (25, "mobile", "not_mobile"),
    (26, "postcode", "not_postcode"),
    (27, "postcode", "scientific_notation"),
    (28, "birthday", "no_such_day"),
    (29, "birthday", "not_date"),
    (30, "birthday", "in_future"),
    (31, "birthday", "too_early"),
    (32, "name", "empty"),
    (33, "card_no", "empty"),
    (34, "card_no", "scientific_notation"),
    (35, "card_no", "not_card"),
    (36, "email", "not_email"),
    (37, "email", "not_email"),
    (38, "name", "too_long"),
    (39, "address", "too_long"),
    (40, "name", "control_character"),
    (41, "card_type", "not_card_type"),
    (42, "tier", "not_tier"),
    (43, "home_store", "not_store"),
    (44, "joined_on", "no_such_day"),
    (45, "covenant", "not_covenant"),
    (46, "covenant_version", "too_long"),
    (47, "consent_sms", "not_yes_no"),
    (48, "consent_post", "not_yes_no"),
    (49, "consent_email", "not_yes_no"),
    (50, "spend_total", "not_money"),
    (51, "spend_total", "scientific_notation"),
    (52, "last_visit_on", "not_date"),
    (53, "name", "undecodable"),
    (54, "name", "empty"),
    (54, "mobile", "not_mobile"),
    (54, "postcode", "not_postcode"),
    (55, "", "row_cells"),
    (56, "", "row_quote"),
    (57, "", "row_quote"),
];

fn today() -> Day {
    Day::parse("2026-11-21").unwrap()
}

fn items(bytes: &[u8]) -> Vec<IntakeItem> {
    open(bytes, today()).ok().unwrap().map(|item| item.ok().unwrap()).collect()
}

fn wrong(items: &[IntakeItem]) -> Vec<(u64, &'static str, &'static str)> {
    let errors =
        items.iter().flat_map(|item| item.row.as_ref().err().into_iter().flatten().map(|e| (item.line, e)));
    errors.map(|(line, e)| (line, e.column.map_or("", Column::code), e.reason.code())).collect()
}

fn rows(bytes: &[u8]) -> Vec<MemberRow> {
    items(bytes).into_iter().map(|item| item.row.unwrap()).collect()
}

fn refused(bytes: &[u8]) -> FileError {
    open(bytes, today()).err().unwrap()
}

#[test]
fn the_sample_is_read_and_each_mistake_found_where_it_is() {
    let items = items(SAMPLE);
    assert_eq!(wrong(&items), WRONG);
    assert_eq!(items.len(), 64);
    assert_eq!(items.iter().filter(|item| item.row.is_ok()).count(), 28);
    let row = |line: usize| items[line - 2].row.as_ref().unwrap();
    for line in [3, 4, 5] {
        assert_eq!(row(line).mobile.value().unwrap().expose(), format!("1390000000{}", line - 2));
    }
    assert_eq!(row(6).email.value().unwrap().expose(), "Member4@example.com");
    assert_eq!(row(8).name.expose(), "=1+1");
    assert_eq!(row(9).address.value().unwrap().expose(), "样例路\"老店\"1号,2楼");
    assert_eq!(row(10).covenant, Cell::Empty);
    assert_eq!(row(15).spend_total.value().unwrap().cents(), 123_450);
    assert_eq!(row(18).mobile, Cell::Empty);
    assert_eq!(row(19).name.expose(), "欧阳 娜娜");
    assert_eq!(row(20).card, row(19).card);
}

#[test]
fn the_errors_file_of_the_sample_repeats_no_cell() {
    let mut file = ErrorsFile::new(Vec::new()).unwrap();
    for item in items(SAMPLE) {
        if let Err(errors) = item.row {
            file.write(item.line, &errors).unwrap();
        }
    }
    let text = String::from_utf8(file.finish().unwrap()).unwrap();
    assert_eq!(text.matches("\r\n").count(), WRONG.len() + 1);
    for value in ["7700", "13900", "1390000020", "example.com", "1990-02-30", "钻石"] {
        assert!(!text.contains(value), "{value}");
    }
}

#[test]
fn every_encoding_and_delimiter_gives_the_same_rows() {
    let text = std::str::from_utf8(&SAMPLE[3..]).unwrap();
    // GB18030 has U+FFFD; plain commas inside cells would need quotes with another delimiter.
    let plain: Vec<&str> = text.lines().take(60).filter(|line| !line.contains('"')).collect();
    let expected: Vec<_> = items(plain.join("\n").as_bytes());
    for delimiter in [",", "\t", ";"] {
        let text = plain.join("\r\n").replace(',', delimiter);
        let le: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let gb = encoding_rs::GB18030.encode(&text).0.into_owned();
        for bytes in [text.as_bytes(), &le, &[b"\xFE\xFF", &be[..]].concat(), &gb] {
            let found = items(bytes);
            assert_eq!(wrong(&found), wrong(&expected));
            assert!(found.iter().zip(&expected).all(|(a, b)| a.line == b.line && a.row == b.row));
        }
    }
}

#[test]
fn english_headers_and_words_mean_the_same() {
    let zh = "卡号,姓名,会员类型,会员等级,规约,规约版本,同意短信,同意邮寄,旧规约\n1,王芳,联名卡,白金,积分卡会员规约,2019-01,是,否,是\n";
    let en = "Name;card_no;consent_post;CONSENT_SMS;tier;card_type;covenant_version;covenant;legacy_covenant\n\
              王芳;1;no;Yes;platinum;cobranded;2019-01;points_card_covenant;yes\n";
    let mixed = "卡号,name,card_type,会员等级,规约,covenant_version,同意短信,consent_post,旧规约\n1,王芳,联名卡,platinum,points_card_covenant,2019-01,yes,否,YES\n";
    let row = rows(zh.as_bytes()).remove(0);
    assert_eq!(row.card_type, Cell::Filled(CardType::Cobranded));
    assert_eq!(row.tier, Cell::Filled(Tier::Platinum));
    assert_eq!(row.covenant, Cell::Filled((CovenantFamily::PointsCard, "2019-01".to_owned())));
    assert_eq!(row.consents.iter().collect::<Vec<_>>(), [(Channel::Sms, true), (Channel::Post, false)]);
    assert_eq!(row.legacy_covenant, Cell::Filled(true));
    assert_eq!(row.mobile, Cell::NotGiven);
    assert!(rows(en.as_bytes()) == [row.clone()] && rows(mixed.as_bytes()) == [row]);
}

#[test]
fn half_a_covenant_is_no_covenant() {
    let row = |text: &str| rows(text.as_bytes()).remove(0).covenant;
    assert_eq!(row("卡号,姓名,规约,规约版本\n1,王芳,会员规约,\n"), Cell::Empty);
    assert_eq!(row("卡号,姓名,规约,规约版本\n1,王芳,,2011-07\n"), Cell::Empty);
    assert_eq!(row("卡号,姓名,规约\n1,王芳,会员规约\n"), Cell::NotGiven);
    assert_eq!(row("卡号,姓名\n1,王芳\n"), Cell::NotGiven);
}

#[test]
fn consent_time_and_evidence_are_read_when_they_are_there() {
    let text = "卡号,姓名,同意短信,同意时间,同意凭证\n1,王芳,是,2026-01-01 08:00,表格 17\n2,李伟,是,昨天,\n";
    let items = items(text.as_bytes());
    let row = items[0].row.as_ref().unwrap();
    assert!(row.consent_at.value().is_some());
    assert_eq!(row.consent_evidence.value().unwrap().expose(), "表格 17");
    assert_eq!(wrong(&items), [(3, "consent_at", "not_time")]);
}

#[test]
fn damaged_bytes_reject_their_row_even_in_a_column_we_do_not_know() {
    let mut bytes = "卡号,姓名,喜好\n1,王芳,茶\n2,李伟,咖啡\n3,张敏,茶\n".as_bytes().to_vec();
    let at = bytes.windows(6).position(|w| w == "咖啡".as_bytes()).unwrap();
    bytes[at + 4] = b'?';
    let found = items(&bytes);
    assert_eq!(wrong(&found), [(3, "", "undecodable")]);
    assert_eq!(found.len(), 3);
    let warnings = open(&bytes[..], today()).ok().unwrap().warnings().to_vec();
    assert_eq!(warnings, [HeaderWarning::Unknown(3)]);
}

#[test]
fn a_file_that_cannot_be_used_says_so_at_once() {
    assert!(matches!(refused(b""), FileError::Empty));
    assert!(matches!(refused(b"\xEF\xBB\xBF\r\n\n"), FileError::Empty));
    assert!(matches!(refused("卡号,手机\n".as_bytes()), FileError::MissingColumns(_)));
    assert!(matches!(refused("卡号,姓名,卡号\n".as_bytes()), FileError::DuplicateColumn(Column::Card)));
    assert!(matches!(refused("卡号,\"姓名\n".as_bytes()), FileError::BrokenHeader));
    assert!(matches!(refused(b"PK\x03\x04"), FileError::Foreign(Foreign::Xlsx)));
    assert!(items("卡号,姓名\n".as_bytes()).is_empty());
}

#[test]
fn an_error_in_reading_ends_the_file() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("gone"))
        }
    }
    let text = format!("card_no,name\n{}", "1,Ada\n".repeat(20_000));
    let mut intake = open(text.as_bytes().chain(Broken), today()).ok().unwrap();
    let good = intake.by_ref().take_while(Result::is_ok).count();
    assert!(good > 0 && good <= 20_000);
    assert!(intake.next().is_none());
    assert!(matches!(open(Broken, today()), Err(FileError::Io(_))));
}

#[test]
fn progress_ends_at_the_files_size() {
    let mut intake = open(SAMPLE, today()).ok().unwrap();
    while intake.next().is_some() {}
    assert_eq!(intake.bytes_read(), SAMPLE.len() as u64);
}

proptest! {
    /// Whatever is damaged, every row is either read or told, on a line of its own, and the file ends.
    #[test]
    fn a_damaged_file_is_read_to_its_end(damage in prop::collection::vec((0usize..SAMPLE.len(), any::<u8>()), 0..20)) {
        let mut bytes = SAMPLE.to_vec();
        for (at, byte) in damage {
            bytes[at] = byte;
        }
        if let Ok(intake) = open(&bytes[..], today()) {
            let lines: Vec<u64> = intake.map(|item| item.unwrap().line).collect();
            prop_assert!(lines.windows(2).all(|w| w[0] < w[1]));
            let last = bytes.iter().filter(|b| matches!(b, b'\r' | b'\n')).count() as u64;
            prop_assert!(lines.last().is_none_or(|line| *line <= last + 1));
        }
    }
}
