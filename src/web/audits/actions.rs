//! What the log calls things, in words: kinds of entries for the filter, and each action. A word that is missing here is
//! shown as its code.

use crate::model::lang::Lang;

/// Kinds of entries: what their actions begin with, and their name.
pub(super) const GROUPS: [(&str, &str, &str); 19] = [
    ("member.", "会员资料", "Members' data"),
    ("request.", "申请", "Requests"),
    ("package.", "交付包", "Packages"),
    ("consent.", "同意", "Consent"),
    ("suppression.", "拒收名单", "Suppression"),
    ("erase", "抹除", "Erasure"),
    ("import.", "导入", "Imports"),
    ("session.", "登录", "Sessions"),
    ("person.", "员工", "People"),
    ("factor.", "第二因素", "Second factors"),
    ("token.", "服务令牌", "Service tokens"),
    ("org.", "组织", "Organisation"),
    ("vendor.", "外包商", "Vendors"),
    ("policy.", "政策", "Policies"),
    ("document.", "规约与告知", "Covenants and notices"),
    ("audit.", "审计", "Audit"),
    ("alarm.", "告警", "Alarms"),
    ("backup.", "备份", "Backups"),
    ("anonymous.", "未识别来者", "Nobody recognised"),
];

const ACTIONS: &[(&str, &str, &str)] = &[
    ("vault.created", "建库", "vault made"),
    ("vault.moved", "数据迁移", "rows moved"),
    ("vault.restored", "从备份恢复", "restored from backup"),
    ("org.applied", "组织变更", "organisation changed"),
    ("org.proposed", "提议组织变更", "change proposed"),
    ("org.seconded", "附议组织变更", "change seconded"),
    ("org.withdrawn", "撤回组织变更", "change withdrawn"),
    ("org.proposals_shown", "查看待附议变更", "proposals shown"),
    ("person.invited", "发放注册码", "code issued"),
    ("person.enrolled", "登记签名密钥", "key enrolled"),
    ("person.password", "更换密码", "password changed"),
    ("person.suspended", "停用或恢复员工", "person suspended or resumed"),
    ("person.unknown", "身份未通过", "not recognised"),
    ("people.shown", "查看员工", "people shown"),
    ("session.opened", "登录", "signed in"),
    ("session.stepped_up", "再次验证", "proven again"),
    ("session.closed", "退出", "signed out"),
    ("undertaking.given", "签署保密承诺", "undertaking given"),
    ("factor.begun", "开始设置第二因素", "factor begun"),
    ("factor.added", "添加第二因素", "factor added"),
    ("factor.used", "使用第二因素", "factor used"),
    ("factor.removed", "移除第二因素", "factor removed"),
    ("account.linked", "关联公司账号", "company account linked"),
    ("account.unlinked", "取消关联公司账号", "company account unlinked"),
    ("token.made", "创建服务令牌", "token made"),
    ("token.listed", "查看服务令牌", "tokens listed"),
    ("token.revoked", "作废服务令牌", "token revoked"),
    ("token.used", "越权使用服务令牌", "token used beyond its scope"),
    ("vendor.added", "登记外包商", "vendor registered"),
    ("vendor.suspended", "停用外包商", "vendor suspended"),
    ("vendor.resumed", "恢复外包商", "vendor resumed"),
    ("vendor.key_added", "登记外包商密钥", "vendor's key registered"),
    ("vendor.key_challenged", "验证外包商密钥", "vendor's key challenged"),
    ("vendor.key_confirmed", "确认外包商密钥", "vendor's key confirmed"),
    ("policy.shown", "查看政策", "policy shown"),
    ("policy.proposed", "提议政策", "policy proposed"),
    ("policy.seconded", "附议政策", "policy seconded"),
    ("policy.withdrawn", "撤回政策提议", "policy withdrawn"),
    ("document.added", "登记规约或告知", "document added"),
    ("document.listed", "查看规约与告知", "documents listed"),
    ("import.started", "开始导入", "import began"),
    ("import.batch", "导入一批", "import, one batch"),
    ("import.finished", "导入完成", "import finished"),
    ("import.dry_run", "试导入", "import tried"),
    ("import.shown", "查看导入结果", "refused rows shown"),
    ("import.cancelled", "取消导入", "import cancelled"),
    ("member.looked_up", "查找会员", "member looked up"),
    ("member.shown", "查看会员（掩码）", "member shown, masked"),
    ("member.revealed", "查看明文", "fields revealed"),
    ("member.corrected", "更正资料", "member corrected"),
    ("member.who_saw", "查询谁看过", "asked who saw"),
    ("member.added", "录入会员", "member typed in"),
    ("member.history", "查看更正历史", "history shown"),
    ("member.verified", "核对会员值", "value compared"),
    ("erase.ordered", "决定抹除", "erasure ordered"),
    ("erased", "已抹除", "member erased"),
    ("consent.set", "登记同意或拒绝", "consent recorded"),
    ("consent.shown", "查看同意", "consents shown"),
    ("consent.coverage", "统计同意覆盖", "consents counted"),
    ("suppression.imported", "导入拒收名单", "suppression imported"),
    ("request.drafted", "起草申请", "request drafted"),
    ("request.previewed", "查看人数", "counts shown"),
    ("request.submitted", "提交申请", "request submitted"),
    ("request.shown", "查看申请", "request shown"),
    ("request.listed", "列出申请", "requests listed"),
    ("request.approved", "签批", "request signed"),
    ("request.returned", "退回", "request returned"),
    ("request.rejected", "否决", "request rejected"),
    ("request.recalled", "撤回申请", "request recalled"),
    ("request.executed", "执行申请", "request executed"),
    ("request.transferred", "转交", "request handed on"),
    ("request.reminded", "提醒", "reminded"),
    ("request.copied", "抄送", "copied"),
    ("package.started", "开始制作", "package begun"),
    ("package.divided", "分段制作", "package divided"),
    ("package.range_claimed", "领取分段", "range claimed"),
    ("package.range_made", "分段完成", "range made"),
    ("package.sealed", "封存", "package sealed"),
    ("package.remade", "重新制作", "package made again"),
    ("package.aborted", "中止制作", "package broken off"),
    ("package.listed", "查看交付包", "packages shown"),
    ("package.downloaded", "下载交付包", "package downloaded"),
    ("package.handed_off", "交付外包商", "handed to the vendor"),
    ("package.recalled", "召回交付包", "package recalled"),
    ("package.destroyed", "销毁证明", "destruction attested"),
    ("audit.read", "查看日志", "log looked at"),
    ("audit.exported", "导出日志", "log exported"),
    ("backup.created", "数据备份", "data backed up"),
    ("backup.keys_created", "密钥备份", "keys backed up"),
    ("anonymous.refused", "拒绝未识别来者", "nobody recognised, refused"),
    ("alarm.raised", "发出告警", "alarm raised"),
    ("alarm.listed", "查看告警", "alarms listed"),
    ("alarm.acknowledged", "处理告警", "alarm seen to"),
];

/// An action in words.
pub(super) fn word(lang: Lang, code: &str) -> &str {
    let found = ACTIONS.iter().find(|(action, ..)| *action == code);
    found.map_or(code, |(_, zh, en)| lang.pick(zh, en))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::event::Action;

    #[test]
    fn every_action_has_a_word_and_every_kind_an_action() {
        for action in Action::ALL {
            assert_ne!(word(Lang::En, action.code()), action.code(), "{action} has no word");
        }
        for (group, ..) in GROUPS {
            assert!(Action::ALL.iter().any(|action| action.code().starts_with(group)), "{group}");
        }
    }
}
