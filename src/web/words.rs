//! Every string of the console, in both languages at once: one that lacks a language does not compile.

use crate::model::code::{CovenantFamily, Exclusion, RecipientClass};
use crate::model::lang::Lang;
use crate::model::signing::SignedAct;

/// A room's strings: a struct of its own, and `of(lang)` that gives it.
macro_rules! words {
    ($($name:ident = $zh:literal, $en:literal;)+) => {
        /// The strings of these pages in one language.
        pub(super) struct Words { $(pub(super) $name: &'static str),+ }
        static ZH: Words = Words { $($name: $zh),+ };
        static EN: Words = Words { $($name: $en),+ };
        /// The strings in a language.
        pub(super) fn of(lang: $crate::model::lang::Lang) -> &'static Words {
            match lang {
                $crate::model::lang::Lang::Zh => &ZH,
                $crate::model::lang::Lang::En => &EN,
            }
        }
    };
}

words! {
    // The frame.
    product = "会签", "Countersign";
    tag_lang = "zh-CN", "en";
    comma = "、", ", ";
    skip = "跳到正文", "Skip to content";
    demo_banner = "演示库：所有会员与员工均为虚构，请勿录入真实信息。", "Demo vault: every member and person here is invented. Enter nothing real.";
    main_navigation = "主导航", "Main";
    language = "语言", "Language";
    appearance = "外观", "Appearance";
    light = "浅色", "Light";
    dark = "深色", "Dark";
    system = "跟随系统", "System";
    sign_out = "退出", "Sign out";
    home = "首页", "Home";
    requests = "申请", "Requests";
    packages = "交付包", "Packages";
    members = "会员", "Members";
    audit = "审计", "Audit";
    administration = "管理", "Administration";

    // Signing in.
    sign_in = "登录", "Sign in";
    sign_in_lead = "会员信息库，以及它唯一的出口。", "The members' vault, and the one door out of it.";
    login = "用户名", "Login";
    password = "密码", "Password";
    demo_roles = "试用各个角色", "Try a role";
    demo_roles_lead = "按姓名即可登录。五分钟后签名会再次要求密码。", "Press a name to sign in as that person. After five minutes, signing asks for the password again.";
    sign_in_by = "通过以下账号登录：", "Sign in with";
    onward = "继续前往", "Continue to";
    have_code = "持有一次性注册码？设置首个密码", "You have a one-time code? Set your first password";
    enrol = "设置密码", "Set a password";
    enrol_lead = "首次登录：输入管理员发给您的一次性注册码，并设置密码。密码同时保护您的签名密钥，任何人都无法代您找回。", "Signing in for the first time: enter the one-time code from your administrator and choose a password. It also protects your signing key, and nobody can recover it for you.";
    factor = "动态验证码或恢复码", "Time-based or recovery code";
    factor_if_set = "动态验证码（设置过才需要）", "Code, if you have set one up";
    use_passkey = "使用通行密钥", "Use a passkey";
    code = "一次性注册码", "One-time code";
    undertaking = "保密承诺书", "Confidentiality undertaking";
    undertake = "我已阅读并承诺", "I have read it and undertake it";
    new_password = "新密码（至少 8 个字符）", "New password (at least 8 characters)";

    // Refusals.
    refused = "未能办理", "This was not done";
    article = "依据", "It rests on";
    would_pass = "怎样才能办理", "What would make it pass";
    back_to_it = "返回", "Go back";
    refusal_code = "代码", "Code";

    // What was just done.
    done_drafted = "草稿已保存。", "The draft is saved.";
    done_submitted = "已提交，正在等待第一道签批。", "Submitted. It waits for its first signature.";
    done_signed = "已签批。", "Signed.";
    done_returned = "已退回申请人。", "Returned to the requester.";
    done_rejected = "已否决。", "Rejected.";
    done_transferred = "已转交代办人。", "Handed to the deputy.";
    done_reminded = "已提醒。", "Reminded.";
    done_copied = "已抄送。", "Copied.";
    done_repeated = "已按原申请新建草稿，请核对日期。", "A new draft with the same form. Look at its dates.";
    done_undertaken = "承诺已登记。", "Your undertaking is recorded.";
    done_password = "密码已修改，请重新登录。", "Your password is changed. Sign in with it.";
    done_linked = "已关联公司账号。", "The company account is linked.";
    done_saved = "已保存。", "Saved.";
    done_recalled = "已撤回。", "Recalled.";
    done_executed = "交付包已制作完成。", "The package is made.";
    done_handed_off = "交付已登记。", "The hand-off is recorded.";
    done_destroyed = "销毁证明已登记。", "The proof of destruction is recorded.";
    done_package_recalled = "交付包已召回，其密钥已销毁。", "The package is recalled; its key is destroyed.";
    done_enrolled = "密码已设置，请登录。", "Your password is set. Sign in with it.";
    done_signed_out = "您已退出。", "You are signed out.";

    // Home.
    waits = "待您处理", "Waiting for you";
    nothing_waits = "现在没有等待您处理的事项。", "Nothing waits for you now.";
    no_request_waits = "没有等待您处理的申请。", "No request waits for you.";
    ended_lately = "近七天办结的申请", "Your requests that ended within seven days";
    also_waits = "其他待办", "Also waiting";
    waits_proofs = "七天内到期或已逾期的销毁证明", "Proofs of destruction due within seven days, or overdue";
    waits_overdue = "其中已逾期", "of them overdue:";
    waits_proposals = "待您附议的人员与组织变更", "Changes of people and organisation to second";
    waits_policies = "待您附议的政策", "Policies to second";
    waits_alarms = "待处理的告警", "Alarms to see to";
    begin = "从这里开始", "Begin here";
    new_request = "新建申请", "New request";
    look_up_member = "查找会员", "Look up a member";
    calendar = "活动日历", "Campaign calendar";
    coverage = "同意覆盖", "Consent coverage";
    see_all = "查看全部申请", "See all requests";
    see_waiting = "查看全部待办", "See all that wait";

    // Pages of a list.
    newest = "从头开始", "From the beginning";
    further_pages = "分页", "Pages of this list";
    further = "下一页", "Next page";

    // Requests.
    account = "我的账户", "My account";
    undertaking_missing = "您的保密承诺书无效：签批、执行、领取和明文查看都会被拒绝。", "Your confidentiality undertaking does not hold: you can sign, execute, download and reveal nothing.";
    undertake_now = "前往承诺", "Give it now";
    dossier = "卷宗", "Dossier";
    number = "编号", "Number";
    unit = "申请单位", "Asking unit";
    campaign = "活动", "Campaign";
    standing = "状态", "Where it stands";
    holder = "当前经办", "Whose turn";
    age = "停留（天）", "Days in this state";
    days_left = "距失效（天）", "Days until it expires";
    act_submit = "提交", "submitted";
    act_approve = "签批", "signed";
    act_return = "退回", "returned";
    act_reject = "否决", "rejected";
    act_recall = "撤回", "recalled";
    act_transfer = "转交", "handed on";
    purpose = "用途", "Purpose";
    channel = "渠道", "Channel";
    fields = "离库字段", "Fields that leave";
    vendor = "外包商", "Vendor";
    receiver = "领取人", "Received by";
    window = "使用期", "Used";
    destroy_by = "最迟销毁", "Destroyed by";
    row_limit = "行数上限", "At most rows";
    assessment = "影响评估编号", "Impact assessment";
    reason = "理由", "Reason";
    selected = "符合条件", "Selected";
    would_leave = "将离库", "Would leave";
    excluded_because = "排除原因", "Out because";
    people = "人数", "Members";
    password_again = "请再次输入密码（仅用于这一次签名）", "Your password again, for this one signature";

    // The form.
    who_hint = "各项之间须同时满足；全部留空即为全体会员。只能按属性选择，联系方式不能作为条件。", "All of these must hold; leave everything empty for every member. Members are selected by attributes, never by a contact.";
    from_day = "自", "From";
    to_day = "至", "To";
    at_least = "不低于（元）", "At least (yuan)";
    at_most = "不高于（元）", "At most (yuan)";
    tier = "等级", "Tier";
    home_store = "归属门店", "Home store";
    card_type = "卡类型", "Card type";
    joined_on = "入会日期", "Joined";
    last_visit_on = "最近消费日", "Last visit";
    spend_total = "累计消费", "Spend to date";
    birth_month = "生日月份", "Birth month";

    // Packages.
    no_packages = "还没有交付包。", "There are no packages yet.";
    rows = "行数", "Rows";
    package_started = "制作中", "being made";
    package_sealed = "待领取", "ready to fetch";
    package_aborted = "制作中断", "broken off";
    package_downloaded = "已领取", "fetched";
    package_handed_off = "已交付", "handed off";
    package_destroyed = "外包商已销毁", "destroyed by the vendor";
    package_recalled = "已召回", "recalled";
    to_execution = "查看执行进度", "How its execution goes";
    fetch_file = "加密文件", "Encrypted file";
    fetch_manifest = "清单", "Manifest";
    fetch_hint = "只能领取一次；传输中断可在 15 分钟内重试。", "It is fetched once; a broken transfer may be repeated within 15 minutes.";
    hand_off = "登记交付", "Record the hand-off";
    recall_package = "召回交付包", "Recall the package";
    recall_lead = "密钥随即销毁，存放的文件再也无法打开；已被下载的文件不受影响，须请外包商销毁。", "Its key is destroyed at once and what lies here can never be opened. A file that was fetched is not touched: the vendor has to destroy it.";
    recall_reason = "召回理由（封存保存）", "Why (kept sealed)";
    proof_overdue = "销毁证明逾期", "proof of destruction overdue";
    attest = "登记销毁证明", "Record the proof of destruction";
    attest_lead = "外包商书面证明其已销毁收到的文件之后登记 (A9b)。", "Record it once the vendor has attested in writing that it destroyed what it was given (A9b).";
    attested_on = "证明日期", "Attested on";
    attest_reference = "证明编号", "Reference of the attestation";
    hand_off_hint = "文件交给外包商之后登记。", "Record it once the vendor has the file.";

    // Members.
    card_no = "卡号", "Card number";
    mobile = "手机号", "Mobile number";
    email = "邮箱", "Email address";
    record = "会员档案", "Member record";
    status = "状态", "Status";
    active = "有效", "active";
    pending = "待审核", "pending";
    covenant = "规约", "Covenant";
    family_member = "会员规约", "Member covenant";
    family_points = "积分卡会员规约", "Points-card covenant";
    identity = "身份信息（掩码）", "Identity (masked)";
    standing_of = "会籍", "Membership";
    class_company = "本集团", "the group";
    class_tenant = "租户商铺", "tenant shops";
    state_granted = "同意", "granted";
    state_refused = "拒绝", "refused";
    state_withdrawn = "已撤回", "withdrawn";
    state_none = "未表态", "not said";

    // Audit.
    time = "时间", "When";
}

impl Words {
    pub(super) fn act(&self, act: SignedAct) -> &'static str {
        match act {
            SignedAct::Submit => self.act_submit,
            SignedAct::Approve => self.act_approve,
            SignedAct::Return => self.act_return,
            SignedAct::Reject => self.act_reject,
            SignedAct::Recall => self.act_recall,
            SignedAct::Transfer => self.act_transfer,
        }
    }

    pub(super) fn class(&self, class: RecipientClass) -> &'static str {
        match class {
            RecipientClass::Company => self.class_company,
            RecipientClass::TenantOperator => self.class_tenant,
        }
    }

    pub(super) fn family(&self, family: CovenantFamily) -> &'static str {
        match family {
            CovenantFamily::Member => self.family_member,
            CovenantFamily::PointsCard => self.family_points,
        }
    }

    pub(super) fn consent(&self, state: &str) -> &'static str {
        match state {
            "granted" => self.state_granted,
            "refused" => self.state_refused,
            "withdrawn" => self.state_withdrawn,
            _ => self.state_none,
        }
    }

    pub(super) fn exclusion(&self, reason: Exclusion) -> &'static str {
        let lang = if std::ptr::eq(self, &ZH) { Lang::Zh } else { Lang::En };
        match reason {
            Exclusion::NotActive => lang.pick("会籍无效", "not active"),
            Exclusion::NoCovenant => lang.pick("未接受规约", "no covenant"),
            Exclusion::Minor => lang.pick("未成年", "minor"),
            Exclusion::NoConsent => lang.pick("从未同意", "never consented"),
            Exclusion::Withdrawn => lang.pick("已撤回同意", "withdrew"),
            Exclusion::Suppressed => lang.pick("在拒收名单上", "on the suppression list"),
            Exclusion::NoContact => lang.pick("无联系方式", "no contact"),
            Exclusion::UnverifiedContact => lang.pick("联系方式未验证", "contact not verified"),
            Exclusion::UnsafeValue => lang.pick("值不安全", "unsafe value"),
            Exclusion::ContactCap => lang.pick("近期联系过多", "contacted too often"),
            Exclusion::Duplicate => lang.pick("联系方式重复", "same contact as another"),
        }
    }
}
