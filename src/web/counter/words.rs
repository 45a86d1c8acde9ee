//! Strings of the counter and of imports, in both languages.

use crate::intake::Column;
use crate::model::lang::Lang;

words! {
    actor = "人员", "Who";
    // Looking up.
    search_lead = "输入完整的卡号、手机号或邮箱。只做精确匹配，结果以掩码显示，每次查找都会记入审计日志。", "Type a whole card number, mobile number or email address. Only an exact match is found, results are masked, and each look is an entry in the log.";
    value = "完整的值", "The whole value";
    by = "按什么查找", "Look it up as";
    by_shape = "自动识别", "what it looks like";
    look_up = "查找", "Look up";
    understood = "系统把您输入的内容识别为：", "What you typed was understood as:";
    found_some = "相符的会员：", "Members found:";
    nothing_found = "没有您可以看到的会员与之相符。", "No member that you may see has this.";
    try_else = "请与会员核对每一位数字；只做精确匹配，部分号码查不到。也可以换一种方式（卡号、手机号、邮箱）查找。其他门店的会员请到其归属门店查找。", "Check each digit with the member: part of a number finds nobody. Or try another one of card, mobile and email. A member of another store is looked up there.";
    before_search = "还没有查找。请会员出示会员卡，或请其说出完整的手机号。", "Nothing was looked up yet. Ask for the member's card, or for the whole mobile number.";
    open = "打开档案", "Open the record";
    open_named = "打开档案：第", "Open record no.";
    verify_open = "核对信息", "Check what they say";
    new_member = "新会员入会", "New member";
    imports = "批量导入", "Imports";
    who_saw_open = "谁看过某会员", "Who saw a member";

    // A record.
    validity = "有效期", "Valid";
    no_end = "长期有效", "no end date";
    until_reviewed = "尚未生效：未接受规约", "not yet: no covenant accepted";
    legacy = "旧规约会员", "under a legacy covenant";
    none = "无", "none";
    changed_at = "最近更新", "Last changed";
    consents_now = "现行同意", "Consents in effect";
    no_consents = "会员尚未就任何用途表态；未表态即不会被联系。", "Nothing was said yet. Who has not said yes is not contacted.";
    to_whom = "使用方", "Recipient";
    consents_open = "同意的历史", "How the consents came about";
    changes_open = "资料变更记录", "What was changed";
    see_further = "进一步查看", "Look further";
    see_further_lead = "每次查看都是审计日志中的一条记录。", "Each of these looks is an entry in the log.";
    back_to_record = "返回会员档案", "Back to the record";
    back_to_search = "查找其他会员", "Look up another member";

    // Reveal.
    reveal = "明文查看", "Reveal";
    reveal_lead = "只勾选办理业务所需的字段。理由随记录保存；明文只显示一次，30 秒后自动隐藏；再次查看是另一条记录。", "Tick only the fields that you need. Your reason is kept with the entry. They are shown once and hide after 30 seconds; a second look is a second entry.";
    reveal_fields = "要查看的字段", "Fields to show";
    reveal_reason = "查看理由（至少 4 个字）", "Why you need it (4 characters or more)";
    not_undertaken = "您尚未签署本年度的保密承诺书，不能查看明文。请先在首页签署。", "You have not given this year's confidentiality undertaking, so nothing can be revealed. Give it first, from the home page.";
    shown_once = "仅本次显示", "Shown this once";
    hides_soon = "30 秒后自动隐藏。", "It hides itself after 30 seconds.";
    hidden_again = "已重新隐藏。如确有需要，请另行说明理由再次查看。", "Hidden again. If you still need it, look again with a reason.";
    no_script = "此浏览器未运行脚本，内容不会自动隐藏：用完请立即关闭本页。", "Scripts do not run here, so nothing hides by itself: close this page as soon as you are done.";
    not_kept = "没有该字段的内容。", "There is no value in it.";

    // Check without reveal.
    verify = "核对信息（不显示明文）", "Check without showing";
    verify_lead = "请对方说出信息并原样输入；系统只回答相符或不相符，不显示所存内容。", "Type what the caller says. The system answers match or no match and shows nothing of what is stored.";
    field = "字段", "Field";
    caller_says = "对方所说的内容", "What the caller says";
    check = "核对", "Check";
    matches = "相符", "Match";
    no_match = "不相符", "No match";
    matches_long = "对方所说与档案一致。", "What the caller says is what the record holds.";
    no_match_long = "对方所说与档案不一致，或档案中没有该项。请勿提示正确内容。", "It is not what the record holds, or the record has none. Do not tell the caller what is right.";

    // Consent.
    consent = "登记会员表态", "Record what the member says";
    consent_lead = "以会员本人的意思为准。撤回立即生效，之后制作的交付包不再包含该会员。", "It is the member who decides. A withdrawal counts at once: no package made from now on has the member in it.";
    said = "会员的表态", "The member says";
    said_yes = "同意", "Yes, I agree";
    said_no = "不同意，或撤回同意", "No, or I withdraw";
    evidence = "凭证（纸质表单编号、录音编号等，可不填）", "Evidence (number of a form or recording; may be left out)";
    evidence_hint = "只填编号，不要填写姓名或号码。", "A number only, no names or phone numbers.";
    record_it = "登记", "Record it";
    not_in_use = "暂未启用", "not in use";
    done_consent = "会员的表态已登记，立即生效。", "Recorded. It counts from now on.";

    // Correction.
    correct = "更正资料", "Correct a field";
    correct_lead = "会员更正的内容，批量导入不会覆盖。卡号不能更正。", "No import replaces what the member corrected. A card number is not corrected.";
    right_value = "正确的内容", "The right value";
    correct_reason = "更正理由（至少 4 个字）", "Why (4 characters or more)";
    correct_do = "更正", "Correct it";
    done_correct = "已更正。", "Corrected.";

    // Erasure.
    erase = "抹除会员", "Erase the member";
    erase_lead = "抹除后任何人都无法恢复：该会员的密钥被销毁，联系方式列入拒收名单。仅凭抹除编号可查询谁曾看过。", "Nobody can undo it: the member's key is destroyed and the contact points go on the suppression list. Only the case number is left to ask by.";
    erase_reason = "抹除依据（如来函日期、申请编号）", "What it rests on (date of the letter, number of the request)";
    erase_type = "请输入以下文字以确认：", "To confirm, type:";
    erase_word = "抹除", "ERASE";
    erase_do = "抹除该会员", "Erase this member";
    erase_not_typed = "确认文字不符，未做任何更改。", "The confirmation was not typed as asked. Nothing was changed.";
    erased = "会员已抹除", "The member is erased";
    erased_case = "抹除编号", "Case number";
    erased_lead = "请记下编号并告知会员：这是今后查询此次抹除的唯一依据。", "Write the number down and give it to the member: nothing else is left to ask by.";

    // History of consents.
    history = "同意的历史", "How the consents came about";
    no_history = "还没有任何表态记录。", "Nothing was said yet.";
    when = "时间", "When";
    what = "事项", "What";
    answer = "表态", "Answer";
    source = "来源", "Source";
    recorded_by = "登记人", "Recorded by";
    notice_version = "告知书版本", "Notice";
    has_evidence = "凭证", "Evidence";
    yes = "有", "yes";
    source_import = "文件导入", "file";
    source_person = "员工登记", "a person";
    source_system = "系统规则", "the system";
    source_counter = "入会表单", "joining form";

    // Changes.
    changes = "资料变更记录", "What was changed";
    fields_now = "现有字段（掩码）", "Fields as they stand (masked)";
    masked = "掩码", "Masked";
    times_set = "设置次数", "Times set";
    set_by = "最近来源", "Last set by";
    changes_by_people = "人工录入与更正", "Typed in and corrected";
    no_changes = "没有人工录入或更正；内容来自文件导入。", "Nothing was typed in or corrected: it came from a file.";
    log_entry = "日志序号", "Log entry";
    no_old_values = "系统不保留更正前的内容，以便抹除时不留副本。", "Values before a correction are not kept, so that erasing leaves no copy.";

    // Who saw.
    who_saw = "谁看过该会员", "Who saw the member";
    who_saw_lead = "按卡号，或按抹除编号查询：谁在何时查看过，以及资料进入过哪些交付包。此次查询也会记入日志。", "By card number, or by the case number of an erasure: who looked and when, and in which packages the data left. The question is an entry too.";
    case_no = "抹除编号（如 ER2026-0001）", "Case number (ER2026-0001)";
    either = "填写其中一项。", "Fill in one of them.";
    ask = "查询", "Ask";
    entries = "查看与变更", "Looks and changes";
    no_entries = "没有任何记录。", "There are no entries.";
    in_packages = "进入过的交付包", "Packages with the member in them";
    no_packages = "该会员的资料从未进入任何交付包。", "The member's data never left in a package.";
    decision = "结果", "Outcome";
    allowed = "准许", "allowed";
    refused = "拒绝", "refused";
    sealed = "封存", "Sealed";
    fetched = "领取", "Fetched";
    handed = "交付", "Handed off";
    recalled = "召回", "Recalled";

    // Intake.
    intake = "新会员入会", "New member";
    intake_lead = "请会员阅读告知书与规约，逐项表态；任何一项都没有预先选定。不同意接收促销信息，同样可以入会。", "Let the member read the notice and the covenant and answer each question; nothing is ticked in advance. Who wants no promotion may join all the same.";
    intake_nowhere = "您所在单位不能登记新会员。请由会员归属门店的会员服务台或会员管理部门办理。", "None of your units adds members. A store's counter or member management does.";
    intake_no_notice = "尚无已登记并生效的告知书，不能登记新会员。请管理员先登记。", "No notice is registered and in effect, so nobody can be added. An administrator registers one first.";
    intake_no_covenant = "尚无已登记并生效的规约，不能登记新会员。请管理员先登记。", "No covenant is registered and in effect, so nobody can be added. An administrator registers one first.";
    intake_who = "会员资料", "The member";
    intake_card = "会籍", "The membership";
    optional = "可不填", "may be left out";
    no_store = "不指定门店", "no store";
    choose = "请选择", "choose";
    joined_hint = "留空即为今天", "today if left empty";
    notice = "告知书", "Notice";
    notice_lead = "请会员阅读：", "For the member to read:";
    covenants = "规约", "Covenant";
    covenant_lead = "会员接受哪一份规约？", "Which covenant does the member accept?";
    version = "版本", "version";
    asked = "是否同意接收促销信息？请会员逐项回答。", "May we send promotions? The member answers each question.";
    by_sms = "通过短信", "By SMS";
    by_post = "通过直邮", "By direct mail";
    by_email = "通过电子邮件", "By email";
    agree = "同意", "Yes";
    disagree = "不同意", "No";
    paper = "如在纸质表单上签署", "If it was signed on paper";
    signed_at = "签署时间", "When it was signed";
    form_no = "表单编号", "Number of the form";
    add = "登记入会", "Add the member";
    put_right = "请更正以下各项", "Please put these right";
    added = "会员已登记。", "The member is added.";
    shared_lead = "另有会员使用相同的联系方式，请与会员确认是否录入有误：", "Another member has the same contact point. Check with the member that it was typed right:";

    // Imports.
    imports_lead = "第一步检查，不写入任何内容；第二步再次上传同一文件后导入。文件不会保存在服务器上。", "First the file is checked and nothing is stored; then you send the same file again and it is imported. The file is not kept.";
    file = "文件（CSV 或 xlsx）", "File (CSV or xlsx)";
    file_hint = "CSV 可用 UTF-8、UTF-16 或 GB18030；首行为列名，中英文均可，次序不限。", "CSV in UTF-8, UTF-16 or GB18030; the first row names the columns, in either language, in any order.";
    template = "下载模板", "Download a template";
    known_columns = "列名对应", "Columns and what your file calls them";
    called = "在您的文件中的列名", "Its name in your file";
    called_lead = "系统可识别以下中文或英文列名；如果您的文件使用其他列名，请在最后一列填写，其余留空。", "These columns are understood by either name. Where your file has another one, write it in the last column and leave the rest empty.";
    column = "列名", "Column";
    column_code = "英文列名", "In English";
    required_column = "必需", "Required";
    yes_required = "是", "yes";
    check_it = "检查文件", "Check the file";
    import_it = "导入", "Import it";
    import_lead = "请再次选择刚才检查的同一文件。", "Choose the file that was just checked once more.";
    checked = "检查结果（未写入）", "Result of the check (nothing is stored)";
    imported = "导入结果", "Result of the import";
    rows_read = "读取行数", "Rows read";
    rows_created = "新增会员", "New members";
    rows_updated = "有变更", "Changed";
    rows_unchanged = "无变更", "Unchanged";
    rows_rejected = "未接受", "Not taken";
    cells_kept = "保留的单元格（人工更正或较晚的拒绝优先）", "Cells held back (a person or a later refusal had set them)";
    rows_suppressed = "在拒收名单上的行", "Rows on the suppression list";
    rows_flagged = "与其他会员共用联系方式", "Sharing a contact point with another";
    not_known_yet = "导入后才能得知", "known after the import";
    warnings = "未读取的列", "Columns that were not read";
    errors = "未接受的行", "Rows that were not taken";
    line = "行号", "Line";
    why = "原因", "Why";
    errors_file = "下载错误文件(CSV)", "Download the errors file (CSV)";
    errors_more = "此处只列出前 100 条；其余见错误文件。", "The first 100 are listed here; the errors file has more.";
    errors_cut = "错误过多，错误文件只含前面的部分；请先更正，再次检查。", "There are so many that the file holds only the first ones. Put them right and check again.";
    no_errors = "所有行都可以接受。", "Every row can be taken.";
    other_file = "注意：这不是刚才检查的那个文件。", "Note: this is not the file that was checked.";
    file_digest = "文件摘要(SHA-256)", "The file's digest (SHA-256)";
    check_another = "检查另一个文件", "Check another file";
    what_next = "下一步", "Next";

    // Imports that run, and that ran.
    runs = "最近的导入", "Imports of late";
    run_no = "编号", "Number";
    run_kind = "类别", "Kind";
    run_begun = "开始时间", "Begun";
    run_check = "检查", "Check";
    run_import = "导入", "Import";
    run_state = "状态", "State";
    run_stands = "导入进度", "How the import stands";
    run_running = "进行中", "running";
    run_cancelling = "正在取消", "being cancelled";
    run_done = "已完成", "done";
    run_cancelled = "已取消", "cancelled";
    run_broken_off = "已中断", "broken off";
    rows_accepted = "已接受", "Taken";
    run_resumes = "此前写入的行已保留。再次导入同一文件即可补上其余的行，已有的行计为无变更。", "What was stored before stays. Import the same file again for the rest; what is there comes out as unchanged.";
    run_reload_lead = "本页会自动更新；如未更新，请", "This page keeps up by itself. If it does not:";
    run_reload = "重新载入", "load it again";
    run_errors = "未接受的行中的错误数（文件最多列出一万条，不含任何会员信息）：", "Errors in rows that were not taken (the file lists up to ten thousand, and no values):";
    run_cancel = "取消导入", "Cancel the import";
    run_cancel_lead = "在下一批之前停止；已写入的行保留。", "It stops before its next batch; rows that are stored stay.";

    // The suppression list.
    suppression = "拒收名单", "Suppression list";
    suppression_lead = "上传不得再联系的手机号、邮箱或地址。名单只增不减，只保存加密标签，不保存号码本身；立即生效。", "Mobiles, email addresses or postal addresses that must not be contacted. The list only grows; it keeps keyed tags and no numbers; it counts at once.";
    suppression_file = "文件（CSV，每行一个联系方式，或带列名）", "File (CSV, a contact point a line, or with column names)";
    suppression_reason = "列入理由（至少 4 个字）", "Why (4 characters or more)";
    suppression_do = "列入拒收名单", "Put them on the list";
    suppression_done = "拒收名单已更新", "The suppression list was added to";
    list_added = "新列入", "Added";
    list_known = "原已在列", "On it already";
}

impl Words {
    pub(super) fn source(&self, source: crate::model::code::Source) -> &'static str {
        use crate::model::code::Source;
        match source {
            Source::Import => self.source_import,
            Source::Person => self.source_person,
            Source::System => self.source_system,
            Source::Counter => self.source_counter,
        }
    }
}

/// What an entry about a member is called; an action that is none of these by its code.
pub(super) fn action(lang: Lang, code: &str) -> &str {
    match code {
        "member.added" => lang.pick("登记入会", "added"),
        "member.looked_up" => lang.pick("查找", "looked up"),
        "member.shown" => lang.pick("打开档案", "record opened"),
        "member.revealed" => lang.pick("明文查看", "revealed"),
        "member.corrected" => lang.pick("更正", "corrected"),
        "member.verified" => lang.pick("核对", "checked without showing"),
        "member.history" => lang.pick("查看变更记录", "changes read"),
        "member.who_saw" => lang.pick("查询谁看过", "asked who saw"),
        "consent.set" => lang.pick("登记表态", "consent recorded"),
        "consent.shown" => lang.pick("查看同意历史", "consents read"),
        "erase.ordered" => lang.pick("决定抹除", "erasure ordered"),
        "erased" => lang.pick("已抹除", "erased"),
        other => other,
    }
}

/// A column by its name in a language.
pub(super) fn column(lang: Lang, column: Column) -> &'static str {
    lang.pick(column.zh(), column.code())
}
