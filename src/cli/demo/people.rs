//! Made-up members as a member system would export them: a stream, so that any number costs no memory
//! and no plaintext ever lies on a disk. Row `i` is the same in every run.

use std::io::{self, Read};

use zeroize::Zeroizing;

use crate::model::code::CovenantFamily;

/// Home stores of made-up members.
pub(in crate::cli) const STORES: [&str; 2] = ["S001", "S002"];
/// Covenants that they accepted.
pub(in crate::cli) const COVENANTS: [(CovenantFamily, &str); 4] = [
    (CovenantFamily::Member, "2011-07"),
    (CovenantFamily::Member, "2024-06"),
    (CovenantFamily::PointsCard, "2019-01"),
    (CovenantFamily::PointsCard, "2024-06"),
];
/// Card number of row 0.
const FIRST_CARD: u64 = 880_000_000;

const HEADER: &str = "\u{FEFF}卡号,姓名,手机,邮箱,地址,邮编,生日,会员类型,会员等级,归属门店,入会日期,规约,规约版本,\
                      同意短信,同意邮寄,同意邮件,累计消费,最近消费日\r\n";
const REFUSAL_HEADER: &str = "\u{FEFF}卡号,姓名,同意短信\r\n";

/// What kind of members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Profile {
    /// As in life: children, shared mobiles, missing contacts, refusals; every row is right.
    Demo,
    /// For measuring: every member complete, 80% consent to sms.
    Bench,
    /// A second file for those members of [`Profile::Bench`] who withdraw: 5% of the 80%.
    BenchWithdrawn,
}

/// A member file of `count` members, made while it is read.
pub(in crate::cli) struct MemberFile {
    next: u64,
    count: u64,
    profile: Profile,
    buffer: Zeroizing<String>,
    at: usize,
}

impl MemberFile {
    /// A file of so many members (of [`Profile::BenchWithdrawn`]: those of so many who withdraw).
    pub(in crate::cli) fn new(count: u64, profile: Profile) -> MemberFile {
        // Room for a piece and its last row at once: a string that grows leaves copies behind.
        let mut buffer = Zeroizing::new(String::with_capacity(PIECE + 1024));
        buffer.push_str(if profile == Profile::BenchWithdrawn { REFUSAL_HEADER } else { HEADER });
        MemberFile { next: 0, count, profile, buffer, at: 0 }
    }

    fn refill(&mut self) {
        self.buffer.clear();
        self.at = 0;
        while self.buffer.len() < PIECE && self.next < self.count {
            push_row(&mut self.buffer, self.next, self.profile);
            self.next += 1;
        }
    }
}

const PIECE: usize = 64 * 1024;

impl Read for MemberFile {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // A piece of rows that are all left out is not the end.
        while self.at == self.buffer.len() && self.next < self.count {
            self.refill();
        }
        let rest = &self.buffer.as_bytes()[self.at..];
        let n = rest.len().min(out.len());
        out[..n].copy_from_slice(&rest[..n]);
        self.at += n;
        Ok(n)
    }
}

/// The card number of row `i`.
pub(in crate::cli) fn card(i: u64) -> String {
    (FIRST_CARD + i).to_string()
}

/// Of each hundred measured members, eighty consent and four of these withdraw.
const fn bench_consents(i: u64) -> (bool, bool) {
    let consents = !i.is_multiple_of(5);
    (consents, consents && (i / 5).is_multiple_of(20))
}

fn push_row(text: &mut String, i: u64, profile: Profile) {
    let mut random = Random::of(i);
    let name = random.name();
    if profile == Profile::BenchWithdrawn {
        if bench_consents(i).1 {
            push_cells(text, &[&card(i), &name, "否"]);
        }
        return;
    }
    let demo = profile == Profile::Demo;
    let mut mobile = mobile(i);
    if demo && i > 100 && random.one_in(250) {
        // A family shares a mobile: created, flagged, and one of them reached.
        mobile = self::mobile(i - 1 - random.below(100));
    }
    let mobile = match random.below(if demo { 100 } else { 1 }) {
        1 => String::new(),
        2 => format!("+86 {}-{}-{}", &mobile[..3], &mobile[3..7], &mobile[7..]),
        3 => mobile.chars().filter_map(|c| char::from_u32(u32::from(c) + 0xFEE0)).collect(),
        _ => mobile,
    };
    let email = if random.below(10) < 7 { format!("member{i}@example.com") } else { String::new() };
    let child = demo && random.one_in(25);
    let birthday = if child { random.day(2015, 2024) } else { random.day(1945, 2008) };
    let (family, version) = COVENANTS[random.below(4) as usize];
    let pending = demo && random.one_in(500);
    let family = match family {
        _ if pending => "",
        CovenantFamily::Member => "会员规约",
        CovenantFamily::PointsCard => "积分卡会员规约",
    };
    let sms = if demo { random.consent(73) } else { yes_no(bench_consents(i).0) };
    let address = if demo && random.one_in(80) { String::new() } else { random.address() };
    let spend = format!("{}.{:02}", random.below(12_000), random.below(100));
    let cells: [&str; 18] = [
        &card(i),
        &if demo && random.one_in(1000) { format!("={name}") } else { name },
        &mobile,
        &email,
        &address,
        &format!("{:06}", 10_000 + random.below(900_000)),
        &birthday,
        if random.one_in(3) { "联名卡" } else { "会员卡" },
        ["普通", "普通", "普通", "银卡", "金卡", "白金"][random.below(6) as usize],
        STORES[(i % 2) as usize],
        &random.day(2019, 2025),
        family,
        if pending { "" } else { version },
        sms,
        random.consent(55),
        random.consent(40),
        &spend,
        &random.day(2023, 2025),
    ];
    push_cells(text, &cells);
}

/// No made-up value holds a comma, a quote or a line end.
fn push_cells(text: &mut String, cells: &[&str]) {
    for (at, cell) in cells.iter().enumerate() {
        text.push_str(if at == 0 { "" } else { "," });
        text.push_str(cell);
    }
    text.push_str("\r\n");
}

const fn yes_no(yes: bool) -> &'static str {
    if yes { "是" } else { "否" }
}

/// One mobile a row and none twice: 7919 and a thousand million have no common factor.
fn mobile(i: u64) -> String {
    format!("1{}{:09}", 3 + i % 7, (i / 7 * 7_919 + 123_456_789) % 1_000_000_000)
}

/// splitmix64, seeded by the row: good enough for made-up members, and the same everywhere. It makes no key.
struct Random(u64);

impl Random {
    fn of(row: u64) -> Random {
        Random(row.wrapping_mul(0xD134_2543_DE82_EF95) ^ 0x5EED_C0DE)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let a = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let b = (a ^ (a >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        b ^ (b >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len() as u64) as usize]
    }

    /// Yes for so many of a hundred, nothing said for five, no for the others.
    fn consent(&mut self, yes: u64) -> &'static str {
        match self.below(100) {
            n if n < yes => "是",
            n if n < yes + 5 => "",
            _ => "否",
        }
    }

    fn day(&mut self, first: u64, last: u64) -> String {
        format!(
            "{}-{:02}-{:02}",
            first + self.below(last + 1 - first),
            1 + self.below(12),
            1 + self.below(28)
        )
    }

    fn name(&mut self) -> String {
        let second = if self.below(3) == 0 { "" } else { self.pick(&GIVEN) };
        format!("{}{}{second}", self.pick(&SURNAMES), self.pick(&GIVEN))
    }

    fn address(&mut self) -> String {
        let (city, street) = (self.pick(&CITIES), self.pick(&STREETS));
        format!("{city}{street}{}号{}栋{}室", 1 + self.below(900), 1 + self.below(40), 100 + self.below(3300))
    }
}

const SURNAMES: [&str; 16] =
    ["王", "李", "张", "刘", "陈", "杨", "黄", "赵", "吴", "周", "徐", "孙", "马", "朱", "胡", "欧阳"];
const GIVEN: [&str; 24] = [
    "伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "涛", "明", "超", "霞",
    "平", "刚", "桂", "英", "华", "玉", "宁",
];
const CITIES: [&str; 8] = [
    "上海市徐汇区",
    "杭州市西湖区",
    "南京市鼓楼区",
    "苏州市姑苏区",
    "宁波市海曙区",
    "合肥市蜀山区",
    "无锡市梁溪区",
    "福州市台江区",
];
const STREETS: [&str; 8] = ["淮海路", "人民路", "中山路", "解放街", "建设路", "长江路", "文化街", "青年路"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake;
    use crate::model::day::Day;
    use std::collections::HashSet;

    fn read(count: u64, profile: Profile) -> Vec<crate::model::member::MemberRow> {
        let today = Day::parse("2026-11-21").unwrap();
        let rows = intake::open(MemberFile::new(count, profile), today).unwrap();
        rows.map(|item| item.unwrap().row.unwrap()).collect()
    }

    #[test]
    fn every_made_up_row_is_right() {
        let rows = read(3_000, Profile::Demo);
        assert_eq!(rows.len(), 3_000);
        assert!(rows.iter().any(|r| r.mobile.value().is_none()));
        assert!(rows.iter().any(|r| r.covenant.value().is_none()));
        let stores: HashSet<_> = rows.iter().filter_map(|r| r.home_store.value()).collect();
        assert_eq!(stores.len(), STORES.len());
    }

    #[test]
    fn of_measured_members_eighty_in_a_hundred_consent_and_four_withdraw() {
        let rows = read(2_000, Profile::Bench);
        assert_eq!(rows.iter().filter(|r| r.consents.sms == Some(true)).count(), 1_600);
        let mobiles: HashSet<_> =
            rows.iter().filter_map(|r| r.mobile.value().map(|m| m.expose().to_owned())).collect();
        assert_eq!(mobiles.len(), 2_000);
        let withdrawn = read(2_000, Profile::BenchWithdrawn);
        assert_eq!(withdrawn.len(), 80);
        assert!(withdrawn.iter().all(|r| r.consents.sms == Some(false)));
    }

    #[test]
    fn a_row_is_the_same_in_every_run() {
        let text = |n| {
            let mut text = String::new();
            MemberFile::new(n, Profile::Demo).read_to_string(&mut text).unwrap();
            text
        };
        assert!(text(500).starts_with(&text(300)));
    }
}
