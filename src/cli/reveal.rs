//! `member reveal` and `member correct`: the two commands that touch a value itself.

use clap::Args;
use zeroize::Zeroizing;

use super::desk::Desk;
use super::desk::members::revealed;
use super::secrets::read_card;
use super::secrets::stdin_line;
use super::{By, Context, Failure};
use crate::broker::Error;
use crate::model::contact::CardNo;
use crate::model::field::Field;
use crate::vault::Plain;

/// Show fields of one member in clear, once, for a reason that is kept
#[derive(Debug, Args)]
#[command(
    after_help = "Example: countersign member reveal 88000001 --fields mobile,name --reason 'called back' --as he.fang"
)]
pub struct Reveal {
    /// Card number; left out or -: from standard input
    card: Option<String>,
    /// Which fields: name, mobile, email, address, postcode, birthday, card
    #[arg(long, value_delimiter = ',', required = true, value_parser = Field::parse)]
    fields: Vec<Field>,
    /// Why, kept sealed beside the log
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    by: By,
}

/// Correct one field of a member; the new value comes from standard input
#[derive(Debug, Args)]
#[command(
    after_help = "Example: countersign member correct 88000001 --field mobile --reason 'form 113' --as he.fang < new.txt\n\
                        Without a card number, the first line of standard input is the card and the next the value."
)]
pub struct Correct {
    /// Card number; left out or -: from standard input
    card: Option<String>,
    /// Which field
    #[arg(long, value_parser = Field::parse)]
    field: Field,
    /// Why, kept sealed beside the log
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    by: By,
}

impl Reveal {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Reveal { card, fields, reason, by } = self;
        let desk = context.desk(by).await?;
        let values = opened(&desk, &read_card(card)?, &fields, &reason).await?;
        // Written by hand into one wiped buffer: a value must not pass through a JSON tree that is not.
        let mut text = Zeroizing::new(String::with_capacity(8192));
        for (at, (field, value)) in values.iter().enumerate() {
            match context.out.is_json() {
                true => push_json(&mut text, at == 0, field.code(), value),
                false => [field.code(), ": ", value, "\n"].iter().for_each(|part| text.push_str(part)),
            }
        }
        if context.out.is_json() {
            text.push_str(if values.is_empty() { "{\"fields\":{}}" } else { "}}" });
        }
        context.out.line(text.trim_end_matches('\n'));
        Ok(())
    }
}

/// The values, in the order of the fields, in memory that is wiped.
async fn opened(
    desk: &Desk,
    card: &CardNo,
    fields: &[Field],
    reason: &str,
) -> Result<Vec<(Field, Zeroizing<String>)>, Failure> {
    match desk {
        Desk::Here(broker, step) => {
            let opened = broker.member_reveal(step.caller(), card, fields, reason).await?;
            let lent = |(field, plain): &(Field, Plain)| {
                Ok((*field, Zeroizing::new(plain.lend().map_err(Error::from)?.to_owned())))
            };
            opened.iter().map(lent).collect()
        }
        Desk::There(server) => Ok(revealed(server, card, fields, reason).await?.into_iter().collect()),
    }
}

/// One member of `{"fields":{…}}`, without its end.
fn push_json(text: &mut String, first: bool, name: &str, value: &str) {
    text.push_str(if first { "{\"fields\":{\"" } else { ",\"" });
    text.push_str(name);
    text.push_str("\":\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            c if c < ' ' => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => text.push(c),
        }
    }
    text.push('"');
}

impl Correct {
    pub(super) async fn run(self, context: &Context) -> Result<(), Failure> {
        let Correct { card, field, reason, by } = self;
        let desk = context.desk(by).await?;
        let card = read_card(card)?;
        let value = stdin_line(field.code())?;
        desk.member_correct(&card, field, &value, &reason).await?;
        context.out.done(format!("The {field} is corrected."));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revealed_value_is_sound_json() {
        let mut text = String::new();
        push_json(&mut text, true, "name", "a\"b\\c\n王");
        push_json(&mut text, false, "mobile", "138");
        text.push_str("}}");
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value, serde_json::json!({ "fields": { "name": "a\"b\\c\n王", "mobile": "138" } }));
    }
}
