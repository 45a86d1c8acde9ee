//! Members made afresh, in the shape that a retail group's member system exports: UTF-8 with BOM,
//! Chinese headers, CRLF, and the same slips as in real exports. `expect.rs` says which of them must
//! be in which file, worked out without the product.

use std::fmt::Write as _;

/// The header row.
pub const HEADER: &str = "卡号,姓名,手机,邮箱,地址,邮编,生日,会员类型,会员等级,归属门店,入会日期,规约,规约版本,同意短信,同意邮寄,同意邮件,累计消费,最近消费日";

/// A file and what is in it.
pub struct Generated {
    /// The whole file.
    pub csv: Vec<u8>,
    /// One a data line, in the file's order, which is also the cards'.
    pub rows: Vec<Row>,
}

/// One data line: values as they must be after normalisation, and as written where that differs.
#[derive(Debug, Clone)]
pub struct Row {
    /// Line in the file, the header being line 1.
    pub line: usize,
    pub card: String,
    pub name: String,
    /// Eleven digits; empty when there is none; as written in a row that is wrong in it.
    pub mobile: String,
    /// As written: full-width, with `+86`, with hyphens.
    pub mobile_cell: String,
    /// Empty when there is none.
    pub email: String,
    /// Empty when there is none.
    pub address: String,
    pub postcode: String,
    /// `YYYY-MM-DD`, never 29 February.
    pub birthday: String,
    /// Under 14 on every day of this year.
    pub minor: bool,
    pub card_type: &'static str,
    pub tier: &'static str,
    pub store: String,
    pub joined: String,
    /// Family; none makes a pending member.
    pub covenant: Option<&'static str>,
    pub covenant_version: &'static str,
    pub consent_sms: Option<bool>,
    pub consent_post: Option<bool>,
    pub consent_email: Option<bool>,
    pub spend: String,
    pub last_visit: String,
    /// Why the row must be rejected: `mobile_digits`, `mobile_scientific`, `postcode`, `birthday`, `name`.
    pub wrong: Option<&'static str>,
}

impl Row {
    /// The personal values that a scan looks for: as written and as normalised.
    pub fn needles(&self) -> Vec<String> {
        let mut values = vec![&self.name, &self.mobile, &self.email, &self.address];
        if self.mobile_cell != self.mobile {
            values.push(&self.mobile_cell);
        }
        values.retain(|value| !value.is_empty() && *value != SCIENTIFIC);
        values.into_iter().cloned().collect()
    }

    fn write(&self, csv: &mut String) {
        let cells = [
            &self.card,
            &self.name,
            &self.mobile_cell,
            &self.email,
            &self.address,
            &self.postcode,
            &self.birthday,
            self.card_type,
            self.tier,
            &self.store,
            &self.joined,
            self.covenant.unwrap_or(""),
            self.covenant_version,
            yes_no(self.consent_sms),
            yes_no(self.consent_post),
            yes_no(self.consent_email),
            &self.spend,
            &self.last_visit,
        ];
        for (index, cell) in cells.into_iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            if cell.contains([',', '"']) {
                let _ = write!(csv, "{comma}\"{}\"", cell.replace('"', "\"\""));
            } else {
                let _ = write!(csv, "{comma}{cell}");
            }
        }
        csv.push_str("\r\n");
    }
}

impl Generated {
    /// Rows that must become members.
    pub fn accepted(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.wrong.is_none())
    }

    /// Rows that must be rejected.
    pub fn rejected(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.wrong.is_some())
    }

    /// Every personal value in the file, each once.
    pub fn needles(&self) -> Vec<String> {
        let mut needles: Vec<String> = self.rows.iter().flat_map(Row::needles).collect();
        needles.sort();
        needles.dedup();
        needles
    }
}

/// What a spreadsheet makes of a mobile.
const SCIENTIFIC: &str = "1.38E+10";

/// What is peculiar about a row; a row has at most one, so that each shows on its own.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    MobileDigits,
    MobileScientific,
    ShortPostcode,
    NoSuchDay,
    NoName,
    NoCovenant,
    NoMobile,
    NoAddress,
    RepeatedMobile,
    FullWidth,
    Dressed,
    FormulaName,
    QuotedAddress,
    Minor,
}

/// How many of 10,000 rows are of a kind. From twenty rows upwards every kind is there.
const SHARES: [(Kind, usize); 14] = [
    (Kind::MobileDigits, 44),
    (Kind::MobileScientific, 16),
    (Kind::ShortPostcode, 36),
    (Kind::NoSuchDay, 10),
    (Kind::NoName, 16),
    (Kind::NoCovenant, 20),
    (Kind::NoMobile, 20),
    (Kind::NoAddress, 20),
    (Kind::RepeatedMobile, 60),
    (Kind::FullWidth, 30),
    (Kind::Dressed, 50),
    (Kind::FormulaName, 10),
    (Kind::QuotedAddress, 50),
    (Kind::Minor, 570),
];

/// Makes `n` rows from `seed`: the same ones every time within a year (birthdays are counted back
/// from this year, so that no member is near the age of 14 and minors never grow up).
pub fn generate(n: usize, seed: u64) -> Generated {
    let mut random = Random::new(seed);
    let kinds = deal_kinds(n, &mut random);
    let mut rows: Vec<Row> = Vec::with_capacity(n);
    for (index, kind) in kinds.into_iter().enumerate() {
        let mut row = plain_row(index, &mut random);
        if let Some(kind) = kind {
            make_peculiar(&mut row, kind, &rows, &mut random);
        }
        rows.push(row);
    }
    let mut csv = format!("\u{feff}{HEADER}\r\n");
    rows.iter().for_each(|row| row.write(&mut csv));
    Generated { csv: csv.into_bytes(), rows }
}

/// A kind, or none, for each row. Repeats stand in the second half, so that there is something to repeat.
fn deal_kinds(n: usize, random: &mut Random) -> Vec<Option<Kind>> {
    let mut kinds = vec![None; n];
    if n < 20 {
        return kinds;
    }
    for (kind, share) in SHARES {
        for _ in 0..(n * share / 10_000).max(1) {
            let from = if kind == Kind::RepeatedMobile { n / 2 } else { 0 };
            // At most a tenth of the rows is peculiar (14 of 20 in the smallest): a free one is near.
            let mut at = from + random.below(n - from);
            while kinds[at].is_some() {
                at = if at + 1 == n { from } else { at + 1 };
            }
            kinds[at] = Some(kind);
        }
    }
    kinds
}

fn plain_row(index: usize, random: &mut Random) -> Row {
    let mobile = random.mobile();
    Row {
        line: index + 2,
        card: format!("{}", 88_000_000 + index),
        name: random.name(),
        mobile_cell: mobile.clone(),
        mobile,
        email: random.email(index),
        address: random.address(),
        postcode: format!("{:06}", random.below(900_000) + 10_000),
        birthday: random.day(this_year() - 85, this_year() - 16),
        minor: false,
        card_type: random.pick(&["会员卡", "会员卡", "联名卡"]),
        tier: random.pick(&["普通", "普通", "普通", "银卡", "金卡", "白金"]),
        store: format!("S{:03}", 1 + random.below(8)),
        joined: random.day(2019, 2025),
        covenant: Some(random.pick(&["会员规约", "积分卡会员规约"])),
        covenant_version: random.pick(&["2011-07", "2019-01", "2024-06"]),
        consent_sms: random.consent(73, 22),
        consent_post: random.consent(55, 36),
        consent_email: random.consent(40, 48),
        spend: format!("{}.{:02}", random.below(12_000), random.below(100)),
        last_visit: random.day(2023, 2025),
        wrong: None,
    }
}

fn make_peculiar(row: &mut Row, kind: Kind, earlier: &[Row], random: &mut Random) {
    match kind {
        Kind::MobileDigits => {
            row.mobile_cell.pop();
            spoil_mobile(row, "mobile_digits");
        }
        Kind::MobileScientific => {
            row.mobile_cell = SCIENTIFIC.to_owned();
            spoil_mobile(row, "mobile_scientific");
        }
        Kind::ShortPostcode => {
            row.postcode.pop();
            row.wrong = Some("postcode");
        }
        Kind::NoSuchDay => {
            row.birthday = "1988-02-30".to_owned();
            row.wrong = Some("birthday");
        }
        Kind::NoName => {
            row.name.clear();
            row.wrong = Some("name");
        }
        Kind::NoCovenant => row.covenant = None,
        Kind::NoMobile => {
            row.mobile.clear();
            row.mobile_cell.clear();
        }
        Kind::NoAddress => row.address.clear(),
        Kind::RepeatedMobile => repeat_mobile(row, earlier, random),
        Kind::FullWidth => row.mobile_cell = row.mobile.chars().map(full_width).collect(),
        Kind::Dressed => row.mobile_cell = dressed(&row.mobile, random),
        Kind::FormulaName => row.name = format!("={}", row.name),
        Kind::QuotedAddress => row.address.push_str(",\"东门\"收"),
        Kind::Minor => {
            row.birthday = random.day(this_year() - 12, this_year() - 1);
            row.minor = true;
        }
    }
}

fn spoil_mobile(row: &mut Row, wrong: &'static str) {
    row.mobile = row.mobile_cell.clone();
    row.wrong = Some(wrong);
}

/// Takes the mobile of an earlier member, whose row is right and has one.
fn repeat_mobile(row: &mut Row, earlier: &[Row], random: &mut Random) {
    let start = random.below(earlier.len());
    let mut round = earlier[start..].iter().chain(&earlier[..start]);
    if let Some(other) = round.find(|other| other.wrong.is_none() && !other.mobile.is_empty()) {
        row.mobile = other.mobile.clone();
        row.mobile_cell = row.mobile.clone();
    }
}

/// The ways in which a counter writes a mobile; all are right after normalisation.
fn dressed(mobile: &str, random: &mut Random) -> String {
    let (a, b, c) = (&mobile[..3], &mobile[3..7], &mobile[7..]);
    match random.below(5) {
        0 => format!("+86 {a}-{b}-{c}"),
        1 => format!("0086{mobile}"),
        2 => format!("{a} {b} {c}"),
        3 => format!("(+86){mobile}"),
        _ => format!("+86{a} {b}{c}"),
    }
}

fn full_width(digit: char) -> char {
    char::from_u32(digit as u32 + 0xFEE0).unwrap_or(digit)
}

fn yes_no(consent: Option<bool>) -> &'static str {
    match consent {
        Some(true) => "是",
        Some(false) => "否",
        None => "",
    }
}

/// This year, near enough: half a day around New Year makes no member's age doubtful.
fn this_year() -> usize {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("a clock after 1970");
    1970 + (since.as_secs() / 31_556_952) as usize
}

/// xorshift64*, enough for made-up members and the same everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        // Spread small seeds, and never zero, where xorshift would stay.
        Random((seed ^ 0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Less than `limit`, which is not zero.
    pub fn below(&mut self, limit: usize) -> usize {
        ((self.next() >> 11) % limit as u64) as usize
    }

    pub fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    fn consent(&mut self, yes: usize, no: usize) -> Option<bool> {
        match self.below(100) {
            p if p < yes => Some(true),
            p if p < yes + no => Some(false),
            _ => None,
        }
    }

    fn mobile(&mut self) -> String {
        format!("1{}{:09}", 3 + self.below(7), self.below(1_000_000_000))
    }

    fn day(&mut self, first_year: usize, last_year: usize) -> String {
        let year = first_year + self.below(last_year + 1 - first_year);
        format!("{year}-{:02}-{:02}", 1 + self.below(12), 1 + self.below(28))
    }

    fn name(&mut self) -> String {
        let mut name = String::from(self.pick(&SURNAMES));
        name.push(self.pick(&GIVEN));
        if self.below(2) == 0 {
            name.push(self.pick(&GIVEN));
        }
        name
    }

    /// None for three in ten; else of one's own by the row's number.
    fn email(&mut self, index: usize) -> String {
        if self.below(10) < 3 {
            return String::new();
        }
        let word = self.pick(&["xiuying", "guiying", "chao", "wanli", "yjiang", "taowu"]);
        let site = self.pick(&["example.com", "example.net", "example.org"]);
        format!("{word}{index}@{site}")
    }

    fn address(&mut self) -> String {
        let (region, city) = (self.pick(&REGIONS), self.pick(&CITIES));
        let (district, street) = (self.pick(&DISTRICTS), self.pick(&STREETS));
        let (number, house, room) = (1 + self.below(900), 1 + self.below(40), 100 + self.below(3300));
        format!("{region}{city}{district}{street}{number}号{house}栋{room}室")
    }
}

const SURNAMES: [&str; 20] = [
    "王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "林", "何",
    "郭", "马", "欧阳",
];
const GIVEN: [char; 30] = [
    '芳', '娜', '敏', '静', '丽', '强', '磊', '军', '洋', '勇', '艳', '杰', '娟', '涛', '明', '超', '秀',
    '霞', '平', '刚', '桂', '英', '华', '玉', '兰', '珍', '建', '波', '宁', '辉',
];
const REGIONS: [&str; 8] =
    ["青海省", "福建省", "云南省", "河北省", "陕西省", "内蒙古自治区", "上海市", "广西壮族自治区"];
const CITIES: [&str; 8] =
    ["佛山市", "石家庄市", "惠州市", "长春市", "合肥市", "呼和浩特市", "昆明市", "兰州市"];
const DISTRICTS: [&str; 8] = ["徐汇区", "普陀区", "秀英区", "南湖区", "沙市区", "高明区", "大兴区", "兴山区"];
const STREETS: [&str; 8] = ["昆明路", "徐街", "南昌街", "大冶街", "潜江路", "长沙路", "太原路", "乌鲁木齐街"];
