//! What each act is called, in tables, choices and refusals.

use super::act::Act;
use crate::model::lang::{Lang, Word};

impl Word for Act {
    fn word(self, lang: Lang) -> &'static str {
        use Act::*;
        match self {
            MemberImport => lang.pick("导入会员", "import members"),
            MemberLookUp => lang.pick("查找会员", "look a member up"),
            MemberShow => lang.pick("查看会员（掩码）", "see a member, masked"),
            MemberReveal => lang.pick("查看明文", "reveal fields"),
            MemberCorrect => lang.pick("更正资料", "correct a member"),
            MemberErase => lang.pick("抹除会员", "erase a member"),
            MemberWhoSaw => lang.pick("查询谁看过", "see who saw a member"),
            ConsentSet => lang.pick("登记同意或拒绝", "record consent"),
            ConsentShow => lang.pick("查看同意", "see consents"),
            SuppressionImport => lang.pick("导入拒收名单", "import suppression"),
            RequestDraft => lang.pick("起草申请", "draft a request"),
            RequestSubmit => lang.pick("提交申请", "submit a request"),
            RequestPreview => lang.pick("查看人数", "see counts"),
            RequestShow => lang.pick("查看申请", "see a request"),
            RequestList => lang.pick("列出申请", "list requests"),
            RequestSignDept => lang.pick("部门签批", "sign for the department"),
            RequestSignPlanning => lang.pick("企划签批", "sign for planning"),
            RequestSignMembership => lang.pick("会员管理签批", "sign for member management"),
            RequestRecall => lang.pick("撤回申请", "recall a request"),
            RequestExecute => lang.pick("执行申请", "execute a request"),
            PackageList => lang.pick("查看交付包", "see packages"),
            PackageDownload => lang.pick("下载交付包", "fetch a package"),
            PackageHandOff => lang.pick("登记交付", "record a hand-off"),
            PackageRecall => lang.pick("召回交付包", "recall a package"),
            VendorAdd => lang.pick("登记外包商或密钥", "register a vendor or key"),
            VendorSuspend => lang.pick("停用或恢复外包商", "suspend or resume a vendor"),
            VendorConfirm => lang.pick("确认外包商密钥", "confirm a vendor's key"),
            OrgApply => lang.pick("变更组织与角色", "change units, people, roles"),
            PersonEnrol => lang.pick("发放注册码", "issue an enrolment code"),
            PersonSuspend => lang.pick("停用或恢复员工", "suspend or resume a person"),
            PeopleShow => lang.pick("查看员工", "see people"),
            PolicyShow => lang.pick("查看政策", "read the policy"),
            PolicyPropose => lang.pick("提议政策", "propose a policy"),
            PolicySecond => lang.pick("附议政策", "second a policy"),
            CovenantAdd => lang.pick("登记规约与告知", "register covenants and notices"),
            DocumentList => lang.pick("查看规约与告知", "read covenants and notices"),
            AuditExport => lang.pick("查看与导出日志", "read and export the log"),
            MemberAdd => lang.pick("录入会员", "type a member in"),
            MemberHistory => lang.pick("查看更正历史", "see a member's history"),
            MemberVerify => lang.pick("核对会员值", "compare a member's value"),
            AlarmList => lang.pick("查看告警", "see alarms"),
            AlarmAcknowledge => lang.pick("处理告警", "see to an alarm"),
        }
    }
}
