//! Why a permission question has its answer: the lines of the rules that speak of it, for people to read. What
//! decides is the gate alone.

use serde::Serialize;

use crate::model::code::{Channel, Purpose, Role};
use crate::model::field::Field;
use crate::policy::rules::{Kind, read_rows};
use crate::policy::{Act, Place, Policy, Reach, acts, release};

/// A line of a rules file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct RuleLine {
    /// Which file.
    pub file: &'static str,
    /// Which line, from 1.
    pub line: usize,
    /// What it says.
    pub text: String,
    /// Whether it reaches the place that was asked about.
    pub counts: bool,
}

/// Who may do an act, and how far.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ActRow {
    /// The act.
    pub act: Act,
    /// The requirement it rests on.
    pub rule: &'static str,
    /// Roles that may when held alone, each with how far.
    pub roles: Vec<(Role, Reach)>,
}

/// Which fields may leave for a purpose on a channel.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FieldRow {
    /// For what.
    pub purpose: Purpose,
    /// On which channel.
    pub channel: Channel,
    /// Whether the channel is on.
    pub enabled: bool,
    /// Exactly these; none may.
    pub fields: Vec<Field>,
}

impl Policy {
    /// The lines about an act that name one of these roles; each role with the place at which it is held.
    pub fn act_lines(&self, roles: &[(Role, Place)], act: Act) -> Vec<RuleLine> {
        let held = |cells: &[String]| -> Option<bool> {
            let places = roles.iter().filter(|(role, _)| role.code() == cells[0]).map(|(_, place)| *place);
            let reaches = |place: Place| cells[2] == Reach::Any.code() || place == Place::Own;
            let all: Vec<bool> = places.map(reaches).collect();
            (cells[1] == act.code() && !all.is_empty()).then(|| all.contains(&true))
        };
        self.lines(&acts::KIND, held)
    }

    /// Whether any line, an allowing or a denying one, speaks of an act. A policy that was adopted before there was the act
    /// has none.
    pub fn speaks_of(&self, act: Act) -> bool {
        let rows = read_rows(&self.files, &acts::KIND);
        rows.map_or(true, |rows| rows.iter().any(|row| row.cells[1] == act.code()))
    }

    /// The lines about these fields of a purpose on a channel.
    pub fn field_lines(&self, purpose: Purpose, channel: Channel, fields: &[Field]) -> Vec<RuleLine> {
        self.lines(&release::KIND, |cells| {
            let named = fields.iter().any(|field| field.code() == cells[2]);
            (cells[0] == purpose.code() && cells[1] == channel.code() && named).then_some(true)
        })
    }

    /// Every act with who may do it.
    pub fn act_matrix(&self) -> Vec<ActRow> {
        let row = |act: &Act| ActRow { act: *act, rule: act.rule(), roles: self.permitted(*act).to_vec() };
        Act::ALL.iter().map(row).collect()
    }

    /// Every purpose and channel with what may leave.
    pub fn field_matrix(&self) -> Vec<FieldRow> {
        let of = |purpose: Purpose, channel: Channel| FieldRow {
            purpose,
            channel,
            enabled: self.channels().open(purpose, channel).is_ok(),
            fields: self.release.allowed(purpose, channel).to_vec(),
        };
        Purpose::ALL.iter().flat_map(|p| Channel::ALL.iter().map(move |c| of(*p, *c))).collect()
    }

    fn lines(&self, kind: &Kind, about: impl Fn(&[String]) -> Option<bool>) -> Vec<RuleLine> {
        // It was read from these files: they can be read again.
        let rows = read_rows(&self.files, kind).unwrap_or_default();
        rows.iter()
            .filter_map(|row| {
                let counts = about(&row.cells)?;
                Some(RuleLine { file: kind.csv, line: row.line, text: row.cells.join(","), counts })
            })
            .collect()
    }
}
