//! Every string of the auditors' pages, in both languages.

words! {
    // The room's own navigation.
    rooms = "审计导航", "Audit pages";
    explorer = "日志检索", "Log";
    subject = "谁看过会员", "Who saw a member";
    exceptions = "例外清单", "Exceptions";
    alarms = "告警", "Alarms";
    verification = "校验与导出", "Verification and exports";
    pictures = "图表", "Pictures";
    logged = "本次查看已记入日志。", "This look is in the log.";
    this_look = "本次查看已记入日志，序号", "This look is in the log as entry";

    // The explorer.
    lead = "每一次操作、每一次拒绝，以及您自己的每一次查看，都在这里。", "Everything that was done, everything that was refused, and each of your own looks.";
    group = "类别", "Kind";
    all = "全部", "All";
    actor = "人员（用户名）", "Who (login)";
    object = "申请号、交付包号或其他对象", "Request, package or other object";
    object_hint = "填写开头即可，例如 CS2026-HQ", "The beginning is enough, for instance CS2026-HQ";
    refused_only = "只看被拒绝的", "Refused only";
    from = "从哪一天", "From";
    to = "到哪一天", "To";
    bars_by = "柱状图按", "Bars by";
    by_day = "日", "day";
    by_hour = "小时", "hour";
    show = "检索", "Search";
    clear = "清除条件", "Clear";
    histogram = "分布", "How many, when";
    when = "时间", "When";
    done_count = "已办理", "Done";
    refused_count = "被拒绝", "Refused";
    numbers = "数字表", "The numbers";
    read_range = "本页读取的记录：", "Entries read for this page:";
    nothing_fits = "这一段里没有符合条件的记录。放宽条件，或继续向前检索。", "Nothing fits in what was read. Widen the filter, or go on further back.";
    entries = "记录", "Entries";
    seq = "序号", "Entry";
    action = "事项", "What";
    who = "人员", "Who";
    by_token = "通过服务令牌（编号）", "By the token no.";
    about = "对象", "About";
    refusal = "拒绝代码", "Refused";
    newest = "最新", "Newest";
    older = "更早", "Older";
    operator = "主机操作员", "the host's operator";
    anonymous = "未识别来者", "nobody recognised";

    // One entry.
    entry = "日志记录", "Entry";
    place = "位置", "Its place";
    of_entries = "共", "of";
    decision = "结果", "Decision";
    allowed = "已办理", "done";
    refused = "被拒绝", "refused";
    rule = "依据", "It rests on";
    fields = "字段", "Fields";
    purpose = "用途", "Purpose";
    channel = "渠道", "Channel";
    roles = "当时角色", "Roles at that moment";
    member_alias = "会员（日志假名）", "Member (alias of the log)";
    counts = "数量", "Counts";
    digests = "摘要", "Digests";
    leaf = "记录原文（逐字节）", "The entry, byte for byte";
    leaf_hash = "叶哈希", "Leaf hash";
    proof = "包含证明", "Inclusion proof";
    proof_lead = "自下而上的同级哈希。SHA-256（0x00 ‖ 记录原文） 得到叶哈希；按 RFC 6962 与下列哈希逐级合并，得到检查点中的根。", "Sibling hashes from the leaf up. SHA-256(0x00 ‖ the entry) is the leaf hash; joined with these as RFC 6962 says it gives the root in the checkpoint.";
    holds = "刚才已用日志公钥验证：证明成立。", "Worked out just now with the log's public key: the proof holds.";
    holds_not = "证明不成立！请停止对本库的任何更改，保留现状副本，并立即报告。", "The proof does not hold! Stop changing this vault, keep a copy as it is, and report it at once.";
    level = "层", "Level";
    hash = "哈希", "Hash";
    checkpoint = "检查点", "Checkpoint";
    offline = "离线核对", "Checking it offline";
    offline_lead = "把检查点存成文件并保存在库外。之后任何时候，都可以在持有数据副本的机器上运行：", "Keep the checkpoint as a file, outside this vault. Then, at any time, on a machine with a copy of the data:";
    previous = "上一条", "Previous";
    next = "下一条", "Next";

    // Who saw a member.
    subject_lead = "输入卡号，查看谁看过这位会员的资料、资料随哪些交付包离开。已抹除的会员用抹除编号查询。此查询本身也会记入日志。", "Type a card number to see who saw this member's data and in which packages it left. For an erased member use the erasure's number. The question itself is logged.";
    card_no = "卡号", "Card number";
    case_no = "或：抹除编号", "Or: number of an erasure";
    case_hint = "例如 ER2026-0001", "For instance ER2026-0001";
    look = "查询", "Look";
    seen_by = "日志中与该会员有关的记录", "Entries of the log about this member";
    nobody_saw = "没有人看过这位会员的资料。", "Nobody saw this member's data.";
    in_packages = "含有该会员的交付包", "Packages with this member in them";
    in_no_package = "该会员的资料从未随任何交付包离开。", "This member's data never left in a package.";
    package = "交付包", "Package";
    vendor = "外包商", "Vendor";
    sealed_at = "封存", "Sealed";
    downloaded_at = "下载", "Downloaded";
    handed_at = "交付", "Handed off";
    recalled_at = "召回", "Recalled";

    // Exceptions.
    exceptions_lead = "审计员需要追问的事项，以此刻为准。", "What an auditor has to ask about, at this moment.";
    all_good = "没有例外：没有逾期的销毁证明，没有未登记的交付，专员齐备，密钥均已验证，表与日志一致。", "No exceptions: no attestation is overdue, no hand-off is missing, every department has its officer, every key is proven, and tables fit the log.";
    integrity = "日志与决策表不一致", "The log and the tables that decide do not fit";
    integrity_do = "停止更改本库，保留现状副本，并与备份比对。", "Stop changing this vault, keep a copy of it as it is, and compare with a backup.";
    overdue = "逾期未收到销毁证明", "Attestation of destruction overdue";
    not_handed = "已下载，未登记交付", "Downloaded, and no hand-off recorded";
    gaps = "缺会员信息管理专员的部门", "Departments without an information officer";
    unproven = "密钥未经验证的外包商", "Vendors whose key was never proven";
    none_of_these = "没有。", "None.";
    destroy_by = "应销毁日", "Destroy by";
    since = "自", "Since";
    ask_whom = "应问", "Ask";

    // Alarms.
    alarms_lead = "日志中值得有人过问的情形。由审计员说明查明了什么。", "Patterns in the log that somebody should look at. The auditor says what each one was.";
    no_alarms = "没有告警。", "There are no alarms.";
    open_alarms = "待处理", "Not seen to";
    old_alarms = "已处理", "Seen to";
    none_open = "没有待处理的告警。", "No alarm waits.";
    whom = "涉及", "About";
    at_least = "次数（至少）", "At least";
    minutes = "分钟内", "Within minutes";
    raised = "发出", "Raised";
    seen_to_by = "处理人", "Seen to by";
    found_out = "查明了什么（必填，封存保存）", "What was found (needed; kept sealed)";
    acknowledge = "登记处理", "Record";
    address_tag = "来自同一网络地址", "one network address";
    everywhere = "全库", "everywhere";
    alarm_burst = "短时间大量查看", "many looks within a short time";
    alarm_off_hours = "营业时间外查看", "looks out of hours";
    alarm_repeat_reveals = "反复查看同一会员明文", "one member's fields again and again";
    alarm_vip = "查看高等级会员", "looks at members of a high tier";
    alarm_enumeration = "大量落空的查找", "looks that find nobody";
    alarm_refusals = "大量被拒绝", "much that is refused";
    alarm_wrong_passwords = "密码错误", "wrong passwords";

    // Verification and exports.
    last_checkpoint = "最新检查点", "The newest checkpoint";
    keep = "请复制或打印，保存在库外：之后任何截断或回退都会与它矛盾。", "Copy or print it and keep it outside: any truncation or rollback contradicts it later.";
    size = "记录数", "Entries";
    mark = "本机高水位标记", "This machine's high-water mark";
    no_mark = "没有", "none";
    verify_now = "立即校验", "Verify now";
    verify_lead = "从本机记得的上一次校验之后读起。完整校验请在持有副本的机器上离线进行。", "Reads on from the last verification that this machine remembers. Verify whole, offline, on a machine with a copy.";
    deep = "同时核对每张表、密钥、同意记录与全部签名（较慢）", "Hold every table, key, consent and signature to the log too (slower)";
    verified = "校验通过：日志完整，未被改动。", "Verified: the log is whole and unchanged.";
    not_verified = "校验发现不一致！", "What is stored does not fit the log!";
    root = "根", "Root";
    checked_before = "此前已校验至", "Checked before, up to";
    read_whole = "上次完整读取", "Last read whole";
    exports = "导出", "Export";
    exports_lead = "导出本身会记入日志，并包含在导出之中。", "The export is an entry itself, and stands in it.";
    format = "格式", "Format";
    jsonl = "JSONL（记录原文，可重新计算哈希）", "JSONL (the entries themselves, hash them again)";
    csv = "CSV（表格）", "CSV (a table)";
    ocsf = "OCSF（安全平台）", "OCSF (security platforms)";
    first_entry = "从序号（留空为开头）", "From entry (empty: the beginning)";
    stop_before = "到序号之前（留空为末尾）", "Stop before entry (empty: the end)";
    download = "下载", "Download";

    // Pictures.
    pictures_lead = "按日志统计。", "As the log tells it.";
    days = "天数", "Days";
    reveals = "明文查看：每人每天", "Reveals by person and day";
    no_reveals = "这段时间没有人查看明文。", "Nobody revealed anything in these days.";
    day = "日期", "Day";
    sum = "合计", "Sum";
    waits = "申请各步用时", "How long each step of a request takes";
    no_waits = "这段时间没有完成的签批。", "No signature was given in these days.";
    step = "步骤", "Step";
    how_many = "件数", "How many";
    median = "中位数（小时）", "Median, hours";
    longest = "最长（小时）", "Longest, hours";
    wait_first = "提交到第一道签批", "submitted to first signature";
    wait_second = "第一道到第二道签批", "first to second signature";
    wait_third = "第二道到第三道签批", "second to third signature";
    wait_executed = "签批齐备到执行", "last signature to execution";
    cut = "记录很多，只读取了最近二十万条。", "There are many entries; only the newest 200,000 were read.";

    // The dossier.
    dossier = "申请卷宗", "Dossier of the request";
    dossier_lead = "一页之内：申请表、签批、执行与交付。", "On one page: the form, the signatures, the execution, the hand-off.";
    print_hint = "用浏览器打印或存为 PDF；导航与按钮不会印出。", "Print it or keep it as PDF with the browser; navigation and buttons are left out.";
    printed = "制表时间", "Made at";
    agreed = "签批人同意的内容", "What the signers agreed to";
    form = "申请表", "The form";
    round = "第几轮", "Round";
    digest = "申请摘要（签名对象）", "Digest that is signed";
    signature_chain = "审批链", "The chain";
    slot = "席位", "Slot";
    seat_role = "角色", "Role";
    by = "由谁", "By";
    at = "何时", "At";
    in_place_of = "代", "in place of";
    not_yet = "尚未", "not yet";
    comment = "意见", "Comment";
    act = "签批", "Act";
    no_rounds = "尚未提交，没有签名。", "It was never submitted: there are no signatures.";
    leaves = "离开的内容", "What leaves";
    columns = "文件列", "Columns";
    vendor_key = "外包商密钥指纹", "Fingerprint of the vendor's key";
    basis = "依据的同意", "Consent it rests on";
    receiver = "领取人", "Receiving officer";
    executor = "执行人", "Executed by";
    no_package = "尚未执行，没有交付包。", "It was not executed: there is no package.";
    rows = "行数", "Rows";
    selected = "选中人数", "Selected";
    excluded = "排除", "Excluded";
    sha256 = "文件 SHA-256", "SHA-256 of the file";
    history = "经过", "What happened";
    record = "登记内容", "Record";
    package_not_shown = "您无权查看此交付包。", "You may not see this package.";
    back_to_request = "返回申请", "Back to the request";
    in_the_log = "在日志中查看", "See it in the log";
    fact_started = "开始制作", "making began";
    fact_sealed = "已封存", "sealed";
    fact_remade = "重新制作", "made again";
    fact_aborted = "已中止", "broken off";
    fact_downloaded = "已下载", "downloaded";
    fact_handed_off = "已交付外包商", "handed to the vendor";
    fact_recalled = "已召回，密钥销毁", "recalled, its key destroyed";
    fact_destroyed = "外包商已证明销毁", "the vendor attested destruction";
}
