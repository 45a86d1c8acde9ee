//! May this purpose carry these fields on this channel? (`policies/release_fields.conf`,
//! `release_fields.csv`; A3c, A7a, A7b, A7c)

use std::collections::BTreeMap;

use crate::model::code::{Channel, Purpose};
use crate::model::field::Field;
use crate::model::refusal::Refusal;
use crate::policy::error::PolicyError;
use crate::policy::files::PolicyFiles;
use crate::policy::gate::Gate;
use crate::policy::rules::{Eft, Kind, Row, cell, matcher_error, once, read_model, read_rows};

pub(super) const KIND: Kind = Kind {
    conf: "release_fields.conf",
    csv: "release_fields.csv",
    question: "purpose, channel, field",
    columns: "purpose, channel, field, eft",
};

/// The article that limits a channel's fields.
pub(super) const fn rule(channel: Channel) -> &'static str {
    match channel {
        Channel::Sms => "A7a (Art 7)",
        Channel::Post => "A7b (Art 7)",
        Channel::Email => "A7c (Art 7)",
    }
}

/// Which fields may leave.
pub(super) struct ReleaseFields {
    gate: Gate,
    /// What the gate allowed when every field was asked at load: what a complete set is.
    allowed: BTreeMap<(Purpose, Channel), Vec<Field>>,
}

impl ReleaseFields {
    pub(super) async fn load(files: &PolicyFiles) -> Result<Self, PolicyError> {
        let model = read_model(files, &KIND)?;
        let rows = read_rows(files, &KIND)?;
        check(&rows)?;
        let gate = Gate::new(model, &rows).await.map_err(|e| matcher_error(files, &KIND, &e))?;
        let allowed = self_test(&gate).map_err(|e| matcher_error(files, &KIND, &e))?;
        // The rows were checked; the matcher may still allow more than they say.
        if allowed.values().flatten().any(|field| !field.is_contact()) {
            return Err(PolicyError::whole(
                KIND.conf,
                "m",
                "expected a matcher that allows contact fields only",
            ));
        }
        Ok(ReleaseFields { gate, allowed })
    }

    /// The fields a purpose may carry on a channel, in the list's order; empty when none.
    pub(super) fn allowed(&self, purpose: Purpose, channel: Channel) -> &[Field] {
        self.allowed.get(&(purpose, channel)).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether the set is exactly what is allowed: a field too many is refused, and so is one too few,
    /// for the package could not be written. An error of the gate denies.
    pub(super) fn may_carry(
        &self,
        purpose: Purpose,
        channel: Channel,
        fields: &[Field],
    ) -> Result<(), Refusal> {
        let allowed = self.allowed(purpose, channel);
        let hint = format!("ask for exactly: {}", list(allowed));
        for field in fields {
            if !self.gate.ask([purpose.code(), channel.code(), field.code()]).unwrap_or(false) {
                let message = format!("{channel} may not carry {field} for {purpose}");
                return Err(Refusal::new("field_not_allowed", rule(channel), message).hint(hint));
            }
        }
        match allowed.iter().find(|field| !fields.contains(field)) {
            None => Ok(()),
            Some(field) => {
                let message = format!("{channel} needs {field} for {purpose}");
                Err(Refusal::new("field_missing", rule(channel), message).hint(hint))
            }
        }
    }
}

/// `mobile` or `name, address`.
pub(super) fn list(fields: &[Field]) -> String {
    fields.iter().map(|field| field.code()).collect::<Vec<_>>().join(", ")
}

/// Every cell is a known word, only contact fields are allowed, and no field is ruled on twice.
fn check(rows: &[Row]) -> Result<(), PolicyError> {
    let mut seen = BTreeMap::new();
    for Row { line, cells } in rows {
        let purpose = cell(Purpose::parse(&cells[0]), KIND.csv, *line, "purpose")?;
        let channel = cell(Channel::parse(&cells[1]), KIND.csv, *line, "channel")?;
        let field = cell(Field::parse(&cells[2]), KIND.csv, *line, "field")?;
        let eft = Eft::read(&cells[3], KIND.csv, *line)?;
        if eft == Eft::Allow && !field.is_contact() {
            let contacts: Vec<Field> = Field::ALL.iter().copied().filter(|f| f.is_contact()).collect();
            let expected = format!("expected a contact field ({}); others never leave", list(&contacts));
            return Err(PolicyError::at(KIND.csv, *line, "field", expected));
        }
        once(&mut seen, (purpose, channel, field), KIND.csv, *line, eft)?;
    }
    Ok(())
}

/// Asks every field of every purpose and channel.
fn self_test(gate: &Gate) -> Result<BTreeMap<(Purpose, Channel), Vec<Field>>, casbin::Error> {
    let mut allowed = BTreeMap::<(Purpose, Channel), Vec<Field>>::new();
    for purpose in Purpose::ALL {
        for channel in Channel::ALL {
            for field in Field::ALL {
                if gate.ask([purpose.code(), channel.code(), field.code()])? {
                    allowed.entry((*purpose, *channel)).or_default().push(*field);
                }
            }
        }
    }
    Ok(allowed)
}
