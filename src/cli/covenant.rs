//! `covenant add`: covenants and notices by version (A2, B3).

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::{Context, Failure, Who, read_text};
use crate::broker::documents::NewDocument;
use crate::model::iso::parse_date;

/// Covenants and notices, by version
#[derive(Debug, Subcommand)]
pub enum Covenant {
    Add(Add),
}

/// Register a version of a covenant or notice; a registered text never changes
#[derive(Debug, Args)]
#[command(
    after_help = "Example: countersign covenant add member_covenant 2024-06 covenant.txt --language zh --as zhou.jie"
)]
pub struct Add {
    /// Which family
    #[arg(value_enum)]
    family: Family,
    /// Its version, as member files name it
    version: String,
    /// The text, UTF-8
    file: PathBuf,
    /// Language of the text
    #[arg(long, value_enum, default_value = "zh")]
    language: Language,
    /// The day from which it holds, 2026-01-01; today when left out
    #[arg(long, value_name = "DAY", value_parser = day)]
    effective_on: Option<jiff::civil::Date>,
    #[command(flatten)]
    who: Who,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Family {
    /// 会员规约
    MemberCovenant,
    /// 积分卡会员规约
    PointsCardCovenant,
    /// What members are told when consent is asked for
    Notice,
    /// 保密承诺书: what staff promise, every year anew
    Undertaking,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Language {
    /// Chinese
    Zh,
    /// English
    En,
}

impl Language {
    /// As documents name it.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Language::Zh => "zh",
            Language::En => "en",
        }
    }
}

fn day(text: &str) -> Result<jiff::civil::Date, String> {
    parse_date(text).map_err(|_| "a day like 2026-01-01".to_owned())
}

impl Covenant {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Covenant::Add(Add { family, version, file, language, effective_on, who }) = self;
        let body = read_text(&file)?;
        let (broker, step) = context.enter(&who).await?;
        let family = match family {
            Family::MemberCovenant => "member_covenant",
            Family::PointsCardCovenant => "points_card_covenant",
            Family::Notice => "notice",
            Family::Undertaking => "undertaking",
        };
        let language = language.code();
        let name = format!("{family} {version} ({language})");
        let document =
            NewDocument { family: family.into(), version, language: language.into(), body, effective_on };
        let new = broker.document_add(step.caller(), document).await?;
        context.out.say(format!(
            "{name} {}",
            if new { "is registered" } else { "was registered already, with this very text" }
        ));
        context.out.answer(&json!({ "new": new }), String::new);
        Ok(())
    }
}
