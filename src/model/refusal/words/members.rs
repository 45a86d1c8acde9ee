//! Members: their fields, consents, files.

super::words! {
    "card_fixed": "卡号不可更正", "卡号标识会员本人；换卡请作为新会员登记";
    "evidence_too_long": "凭证说明超过 256 个字符", "填写表单或录音的编号即可";
    "fields_missing": "没有指明要查看的字段", "只列出确有需要的字段";
    "file_broken_sheet": "工作簿无法读取：已损坏、有密码保护，或不是 xlsx", "另存为不带密码的 xlsx 或 CSV 后重新导入";
    "file_too_large": "工作簿太大", "另存为 CSV 后重新导入";
    "file_too_large_unpacked": "工作簿解压后太大", "另存为 CSV 后重新导入";
    "file_broken_header": "文件的表头无法读取", "更正表头后重新导入";
    "file_duplicate_column": "文件中有重复的列", "每列只保留一个";
    "file_empty": "文件是空的", "请重新导出文件";
    "file_missing_column": "文件缺少必需的列", "补上所缺的列后重新导入";
    "file_no_header": "文件没有可识别的表头", "第一行请写列名";
    "file_not_csv": "文件不是 CSV", "请另存为 CSV 后重新导入";
    "file_missing": "没有选择文件", "请选择文件后重新提交";
    "file_unreadable": "文件读取中断", "重新导入；已保存的行会计为未变";
    "formula_error": "单元格是公式错误值（如 #N/A）", "在表格中更正公式，或改为数值后重新导入";
    "import_cancelled": "导入已取消；取消前写入的行保留", "重新导入同一文件：已保存的行会计为未变";
    "import_ended": "这次导入没有在进行，无法取消", "查看它的结果";
    "unknown_import": "在您可查看的范围内没有这次导入", "导入记录保留三十天；请核对编号";
    "no_such_index": "不能按通讯地址查找会员", "请按卡号、手机号或邮箱查找";
    "not_confirmed": "没有输入确认文字", "请按提示输入确认文字后重新提交";
    "reason_missing": "需要填写理由", "用四个字以上写明用途，理由随日志留存";
    "reason_too_long": "理由超过 500 个字符", "填写案件或表单的编号即可，详情在那里查看";
    "unknown_case": "没有这个抹除编号", "编号的写法如 ER2026-0001";
    "unknown_member": "在您可查看的范围内没有这位会员", "核对卡号；其他门店的会员请到该店查询";
    "unusable_file": "该文件不能使用", "按说明更正文件后重试";
    "invalid_fields": "登记表中有几处有误", "按各处说明更正";
    "notice_missing": "请填写向会员出示的告知版本", "补上告知版本";
    "unknown_notice": "没有登记过的告知版本", "先登记该版本，或更正版本号";
    "card_taken": "该卡号已被使用", "核对卡号；已有的会员请作更正";
    "consent_undecided": "请选择同意或不同意", "逐项作出选择";
    "covenant_missing": "请填写会员接受的规约及其版本", "补上规约和版本";
    "no_contact_point": "没有可以识别的联系方式", "至少填写一项联系方式";
    "other_store": "不属于您所在门店的会员", "请由该会员所属门店办理";
    "unknown_covenant": "没有登记过的规约版本", "先登记该版本，或更正版本号";
    "unknown_store": "没有登记过的门店", "更正门店代码";
}
