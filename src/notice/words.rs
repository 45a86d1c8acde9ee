//! The words of a message.

use serde_json::{Value, json};

use super::settings::Kind;
use crate::broker::notices::{NoticeKind, Outgoing};
use crate::model::code::Step;
use crate::model::lang::Lang;

/// A message: its parts, and its one line.
pub(super) struct Message {
    kind: NoticeKind,
    number: String,
    step: String,
    link: String,
    text: String,
}

impl Message {
    pub(super) fn of(due: &Outgoing, language: Lang, origin: &str) -> Message {
        let link = match due.kind {
            NoticeKind::Alarm => format!("{origin}/audit/alarms"),
            NoticeKind::PackageReady => format!("{origin}/packages"),
            _ => format!("{origin}/requests/{}", due.number),
        };
        let step = step(&due.step, language);
        let said = said(due.kind, &due.number, &step, language);
        // Without an origin a link leads nowhere.
        let link = if origin.is_empty() { String::new() } else { link };
        let text = format!("{said} {link}").trim_end().to_owned();
        Message { kind: due.kind, number: due.number.clone(), step: due.step.clone(), link, text }
    }

    /// As a robot of this kind takes it.
    pub(super) fn body(&self, kind: Kind) -> Value {
        match kind {
            Kind::Wecom | Kind::Dingtalk => json!({ "msgtype": "text", "text": { "content": self.text } }),
            Kind::Feishu => json!({ "msg_type": "text", "content": { "text": self.text } }),
            Kind::Webhook => json!({
                "kind": self.kind, "number": self.number, "step": self.step, "link": self.link, "text": self.text,
            }),
        }
    }
}

/// A step of the chain in words; whatever else is done next is the execution.
fn step(code: &str, language: Lang) -> String {
    let words = match Step::parse(code) {
        Ok(Step::Dept) => ("部门负责人签批", "the department head's signature"),
        Ok(Step::Planning) => ("企划签批", "planning's signature"),
        Ok(Step::Membership) => ("会员管理签批", "member management's signature"),
        Err(_) if code == "execute" => ("执行", "the execution"),
        Err(_) => ("", ""),
    };
    if language == Lang::Zh { words.0.to_owned() } else { words.1.to_owned() }
}

fn said(kind: NoticeKind, number: &str, step: &str, language: Lang) -> String {
    match (kind, language) {
        (NoticeKind::Awaits, Lang::Zh) => format!("申请 {number} 等待：{step}。"),
        (NoticeKind::Awaits, Lang::En) => format!("Request {number} awaits {step}."),
        (NoticeKind::Reminder, Lang::Zh) => format!("催办：申请 {number} 等待：{step}。"),
        (NoticeKind::Reminder, Lang::En) => format!("Reminder: request {number} awaits {step}."),
        (NoticeKind::Returned, Lang::Zh) => format!("申请 {number} 已退回。"),
        (NoticeKind::Returned, Lang::En) => format!("Request {number} was returned."),
        (NoticeKind::Rejected, Lang::Zh) => format!("申请 {number} 已否决。"),
        (NoticeKind::Rejected, Lang::En) => format!("Request {number} was rejected."),
        (NoticeKind::Executed, Lang::Zh) => format!("申请 {number} 已执行。"),
        (NoticeKind::Executed, Lang::En) => format!("Request {number} was executed."),
        (NoticeKind::PackageReady, Lang::Zh) => format!("交付包 {number} 可以领取。"),
        (NoticeKind::PackageReady, Lang::En) => format!("Package {number} is ready to be fetched."),
        (NoticeKind::Alarm, Lang::Zh) => "有一条新的告警。".to_owned(),
        (NoticeKind::Alarm, Lang::En) => "An alarm was raised.".to_owned(),
    }
}
