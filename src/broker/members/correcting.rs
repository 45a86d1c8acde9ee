//! Correcting one field of one member (B12). What a person set, no import replaces.

use jiff::civil::Date;
use zeroize::Zeroizing;

use super::super::{Broker, Caller, Error, Refusal};
use super::{One, SubjectOf, Verb, check_reason, not_a_value, nothing_else};
use crate::access::grant;
use crate::audit::event::Action;
use crate::broker::found::Whom;
use crate::clock::Randomness;
use crate::intake::seal;
use crate::keyring::aead::DoesNotOpen;
use crate::model::contact::{Address, Birthday, CardNo, Email, Mobile, Name, Postcode};
use crate::model::day::Day;
use crate::model::field::{Field, Index};
use crate::model::value_error::ValueError;
use crate::policy::Act;
use crate::store::Work;
use crate::store::chunks::AGE;
use crate::store::members::ContactTag;
use crate::vault::{Plain, PostContact, contact_tag};

/// The values that make up a postal contact point.
const POSTAL: [Field; 3] = [Field::Name, Field::Address, Field::Postcode];

/// A value that is one of its field.
struct Value {
    text: Zeroizing<String>,
    born: Option<Date>,
}

impl Broker {
    /// Corrects a field. For a name, address or postcode the other two are opened as well, to tag the new
    /// contact point: then there are two entries, one before the opening and one with the change.
    ///
    /// # Errors
    /// `not_permitted`, `unknown_member`, `reason_missing`, the value's own code when it is none,
    /// `card_fixed`, `changed_meanwhile`.
    pub async fn member_correct(
        &self,
        caller: &Caller,
        whom: impl Into<Whom>,
        field: Field,
        value: &str,
        reason: &str,
    ) -> Result<(), Error> {
        let mut verb = Verb::new(Action::MemberCorrected, caller, Act::MemberCorrect, whom);
        verb.event = verb.event.fields(&[field]);
        let value = check_reason(reason, "B12").and_then(|()| self.value_of(field, value));
        let besides = |_: &_| value.as_ref().map(|_| ()).map_err(Clone::clone);
        let (subject, work) = self.turn(verb.clone(), besides).await?;
        let (value, reason) = (value?, reason.trim());
        let others: Vec<Field> = POSTAL.into_iter().filter(|f| *f != field).collect();
        let is_whole = others.iter().all(|f| subject.one.record.get(*f).is_some());
        if !seal::is_postal(field) || !is_whole {
            let tag = self.own_tag(field, &value);
            return self.write_correction(work, subject, field, value, tag, Some(reason)).await;
        }
        let (subject, opened) = self.open_others(work, subject, field, &others, reason).await?;
        let tag = Some(self.post_tag(field, &value, &opened)?);
        let work = self.same_again(verb, &subject).await?;
        self.write_correction(work, subject, field, value, tag, None).await
    }

    /// A value as it would be stored.
    pub(super) fn normalised(&self, field: Field, value: &str) -> Result<Zeroizing<String>, Refusal> {
        match field {
            Field::Card => CardNo::parse(value)
                .map(|card| Zeroizing::new(card.expose().to_owned()))
                .map_err(|e| not_a_value(field.code(), e)),
            _ => self.value_of(field, value).map(|value| value.text),
        }
    }

    fn value_of(&self, field: Field, value: &str) -> Result<Value, Refusal> {
        let text = |text: &str| Value { text: Zeroizing::new(text.to_owned()), born: None };
        let today = Day::from_date(self.clock().today()).unwrap_or(Day::YEAR_1900);
        let parsed: Result<Value, ValueError> = match field {
            Field::Name => Name::parse(value).map(|v| text(v.expose())),
            Field::Mobile => Mobile::parse(value).map(|v| text(v.expose())),
            Field::Email => Email::parse(value).map(|v| text(v.expose())),
            Field::Address => Address::parse(value).map(|v| text(v.expose())),
            Field::Postcode => Postcode::parse(value).map(|v| text(v.expose())),
            Field::Birthday => {
                Birthday::parse(value, today).map(|v| Value { born: seal::day_of(&v), ..text(v.expose()) })
            }
            Field::Card => {
                return Err(Refusal::new("card_fixed", "B12", "a card number is not corrected")
                    .hint("it says which member this is; a new card comes as a new member"));
            }
        };
        parsed.map_err(|e| not_a_value(field.code(), e))
    }

    /// The entry that leads to opening, and the other two values of the postal contact point.
    async fn open_others(
        &self,
        mut work: Work<'_>,
        mut subject: SubjectOf,
        field: Field,
        others: &[Field],
        reason: &str,
    ) -> Result<(SubjectOf, Vec<(Field, Plain)>), Error> {
        let fields: Vec<Field> = [&[field], others].concat();
        let commitment = work.add_remark(reason)?;
        subject.event = subject.event.fields(&fields).digest("commitment", commitment);
        let receipt = work.commit(subject.event.clone().count("changed", 0)).await?;
        let grant = grant::one_member(receipt, subject.one.member.id, others)?;
        let opened = self.vault.reveal(grant, &subject.one.key, &subject.one.record)?;
        Ok((subject, opened))
    }

    /// A second turn, in which he is still what he was in the first, and the caller still may.
    async fn same_again(&self, verb: Verb, was: &SubjectOf) -> Result<Work<'_>, Error> {
        let (now, work) = self.turn(verb, nothing_else).await?;
        if now.one.member == was.one.member {
            return Ok(work);
        }
        let refusal = Refusal::new("changed_meanwhile", "B12", "the member was changed meanwhile")
            .hint("look at the member again and repeat the correction");
        work.commit(now.event.refused(&refusal)).await?;
        Err(refusal.into())
    }

    fn post_tag(&self, field: Field, value: &Value, opened: &[(Field, Plain)]) -> Result<ContactTag, Error> {
        let of = |wanted: Field| -> Result<&str, DoesNotOpen> {
            if wanted == field {
                return Ok(value.text.as_str());
            }
            opened.iter().find(|(f, _)| *f == wanted).ok_or(DoesNotOpen)?.1.lend()
        };
        let post = PostContact {
            name: of(Field::Name)?,
            address: of(Field::Address)?,
            postcode: of(Field::Postcode)?,
        };
        Ok(post.tag(self.store.keyring()))
    }

    fn own_tag(&self, field: Field, value: &Value) -> Option<ContactTag> {
        let index = index_of(field)?;
        (index != Index::Post).then(|| contact_tag(self.store.keyring(), index, value.text.as_bytes()))
    }

    /// The change with its entry.
    async fn write_correction(
        &self,
        mut work: Work<'_>,
        subject: SubjectOf,
        field: Field,
        value: Value,
        tag: Option<ContactTag>,
        reason: Option<&str>,
    ) -> Result<(), Error> {
        let SubjectOf { one: One { member: old, key, mut record, .. }, event, .. } = subject;
        let mut new = old.clone();
        let key = self.vault.key(&key)?;
        let random = &mut Randomness::default();
        seal::set_field(&mut new.attributes, &mut record, &key, random, field, Some(&value.text), true)?;
        if let Some(index) = index_of(field) {
            seal::set_tag(&mut new.attributes.tags, index, tag);
        }
        if field == Field::Birthday {
            new.attributes.birth_month = value.born.map(|d| i64::from(d.month()));
            let ordinal = old.ordinal;
            work.change_chunks(AGE, [ordinal].into_iter(), |c| c.set_birthday(ordinal, value.born)).await?;
        }
        new.record = record.to_bytes();
        new.changed_at = work.at();
        work.update_member(&old, &new).await?;
        let event = match reason {
            Some(reason) => event.digest("commitment", work.add_remark(reason)?),
            None => event,
        };
        work.commit(event.count("changed", 1)).await?;
        Ok(())
    }
}

/// The contact point that a field is, or is part of.
fn index_of(field: Field) -> Option<Index> {
    match field {
        Field::Mobile => Some(Index::Mobile),
        Field::Email => Some(Index::Email),
        Field::Name | Field::Address | Field::Postcode => Some(Index::Post),
        Field::Card | Field::Birthday => None,
    }
}
