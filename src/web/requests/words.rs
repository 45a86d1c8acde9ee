//! The strings of requests.

words! {
    tab_all = "全部", "All";
    tab_todo = "待我处理", "To do";
    tab_done = "我已处理", "Done by me";
    tab_started = "我发起的", "Started by me";
    tab_cc = "抄送我的", "Copied to me";
    lists = "申请列表", "Lists of requests";
    no_requests = "还没有您可以看到的申请。新建一份，或请同事抄送给您。", "There is no request that you may see yet. Begin one, or ask a colleague to copy you.";
    nothing_todo = "没有等待您处理的申请。", "Nothing waits for you.";
    nothing_started = "您还没有发起过申请。", "You have not started a request yet.";
    nothing_here = "这里还是空的。", "This list is empty so far.";

    standing_draft = "草稿", "draft";
    standing_waiting = "等待签批：", "waits for:";
    standing_signed = "签批齐备，等待执行", "fully signed, waits to be executed";
    standing_executed = "已执行", "executed:";
    standing_expired = "已过期", "expired";
    standing_void = "签批失效", "signatures void";

    rail = "审批链", "Chain of signatures";
    slot_asked = "提交", "Submitted";
    slot_executor = "信息部门执行", "Executed by IT";
    slot_receiver = "领取与交付", "Received and handed on";
    rail_done = "已完成", "done";
    rail_now = "进行中", "now";
    rail_next = "尚未开始", "not yet";
    could = "可由以下人员办理：", "May be done by:";
    nobody_could = "无人任职：请联系管理员", "nobody holds this: ask an administrator";
    in_place_of = "代", "in place of";
    handed_to = "已转交", "handed to";

    agree_to = "签批内容", "What a signature agrees to";
    digest = "内容摘要", "Digest";
    leaves = "将离库的内容", "What exactly would leave";
    columns = "文件列", "Columns of the file";
    vendor_key = "外包商密钥指纹", "Vendor's key fingerprint";
    vendor_not_ready = "该外包商目前不能接收：合同、停用状态或密钥核验不满足。", "This vendor may not have it now: contract, suspension or an unproven key.";
    basis = "依据", "Consent basis";
    basis_text = "执行时逐人核对同意：", "Members' consent at the moment of execution, one by one:";
    similar = "近 30 天同类提取", "Similar pulls in 30 days";
    none_similar = "近 30 天没有同用途、同渠道的提取。", "None for the same purpose and channel in 30 days.";
    same_selection = "条件相同", "same selection";
    changed = "与上一轮相比", "Changed since the last round";
    before = "原为", "Before";
    now = "现为", "Now";
    expires = "签批截止", "Signatures run out";

    your_turn = "轮到您了", "It is your turn";
    comment = "意见", "Comment";
    comment_needed = "意见（退回或否决时必填）", "Comment (needed to return or reject)";
    sign = "签批", "Sign";
    send_back = "退回", "Return";
    back_to = "退回到", "Return to";
    back_to_requester = "申请人", "the requester";
    reject = "否决", "Reject";
    transfer = "转交代办", "Hand to a deputy";
    deputy = "代办人用户名", "Deputy's login";
    recall = "撤回申请", "Recall";
    remind = "提醒经办人", "Remind whoever holds it";
    cc = "抄送", "Copy to a colleague";
    colleague = "同事用户名", "Colleague's login";
    repeat = "再次申请", "Ask again";
    submit = "提交", "Submit";
    submit_lead = "提交后形成新的一轮，此前的签批不再有效。", "Submitting begins a new round; signatures of an earlier one no longer count.";
    execute = "执行", "Execute";
    execute_lead = "系统将逐人核对同意，制作加密交付包；您看不到其中内容。", "Consent is checked member by member and the encrypted package is made. You cannot read it.";
    preflight = "执行前核对", "Before execution";
    signatures_whole = "签批齐备且仍有效", "Signatures are whole and still hold";
    key_ready = "外包商可接收，密钥已核验", "The vendor may have it; its key is proven";
    counted_now = "同意情况按此刻重新核对", "Consent is checked again at this moment";
    more = "其他操作", "More";
    why_not = "您现在为何不能……", "Why you cannot …";
    edit_purpose = "修改用途与活动", "Change the purpose";
    edit_channel = "修改渠道与外包商", "Change the channel or vendor";
    edit_selection = "修改会员条件", "Change which members";
    edit_window = "修改期限", "Change the dates";

    form = "申请表", "The form";
    timeline = "经过", "What happened";
    nothing_yet = "尚未提交。", "Not submitted yet.";
    what_remind = "提醒", "reminded";
    what_copy = "抄送", "copied";
    waterfall = "会有多少人", "How many would leave";
    count_now = "立即测算", "Count now";
    count_hint = "签批前的人数以十为单位显示，少于十的显示为“<10”。测算会记入审计日志。", "Before signing, counts are shown in tens, and under ten as “<10”. Counting is an entry in the log.";

    // The form, step by step.
    step_what = "用途与活动", "Purpose and campaign";
    step_how = "渠道与外包商", "Channel and vendor";
    step_whom = "选择会员", "Which members";
    step_when = "期限", "Dates";
    step_review = "核对提交", "Review";
    steps = "填写步骤", "Steps";
    next = "下一步", "Next";
    back = "上一步", "Back";
    saved_by_itself = "草稿已保存，可随时离开。", "The draft is saved; you may leave at any time.";
    follow = "离库字段由渠道决定：短信为手机号，直邮为姓名、地址、邮编。", "The channel decides which fields leave: the mobile number for SMS; name, address and postcode for direct mail.";
    no_unit = "您所在单位不能起草申请，或尚无会员信息管理专员。请联系管理员。", "None of your units drafts requests, or none has an information officer yet. Ask an administrator.";
    no_vendor = "还没有可用的外包商：请外包商管理员先登记。", "There is no vendor yet: the vendor manager registers one first.";
    why_asked = "理由（签批人会看到）", "Reason (signers read it)";

    match_all = "同时满足", "all";
    match_any = "满足任一", "any";
    groups_join = "各组之间", "Between groups";
    group = "组", "Group";
    within_group = "组内条件", "Within the group";
    everyone = "目前选中全体会员。添加条件以缩小范围。", "Every member is selected now. Add a condition to narrow it.";
    add_condition = "添加条件", "Add a condition";
    add_group = "添加一组", "Add a group";
    remove = "移除", "Remove";
    condition = "条件", "Condition";
    reads = "读作", "It reads";
    save_count = "保存并测算", "Save and count";
    not_whole = "还有条件没有填完。", "A condition is not filled in yet.";
}
