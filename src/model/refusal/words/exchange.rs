//! The exchange itself: bodies, paths, hurry, failure.

super::words! {
    "bad_body": "请求体无法读取，或其中的值缺失、未知或类型不符", "按接口文档更正 pointer 所指的位置";
    "bad_policy": "该套政策文件不能使用", "按说明更正所指的文件和行";
    "bad_query": "查询参数缺失、未知或类型不符", "按接口文档更正查询参数";
    "bad_range": "日志中没有这样的位置或大小", "给出日志范围以内的序号和大小";
    "bad_value": "有一个值不符合要求", "按接口文档更正 pointer 所指的值";
    "changed_meanwhile": "查看之后，内容已被他人更改", "重新查看后再试";
    "cross_site": "该请求不是来自本系统的页面", "以 X-CSRF-Token 带上会话的 csrf 值，或改用 Authorization: Bearer";
    "bad_idempotency_key": "Idempotency-Key 不符合要求", "请使用 1 至 255 个可见的 ASCII 字符，且只带一个";
    "idempotency_key_reused": "该 Idempotency-Key 在一天之内已用于其他内容", "每次操作请使用各自的 Idempotency-Key";
    "idempotency_in_progress": "该 Idempotency-Key 所对应的操作仍在进行", "请稍后以相同内容再试，将得到相同的答复";
    "outcome_unknown": "执行该操作的进程在答复之前已经中止，结果不明", "请先查看是否已经完成；没有完成时，换一个 Idempotency-Key 重试";
    "failed": "系统内部出错，没有交付任何数据", "请把 request_id 告知系统管理人员";
    "no_route": "此路径下没有内容", "接口位于 /api/v1 之下";
    "not_a_checkpoint": "该文件既不是本库的交付清单，也不是检查点", "请提供交付包的 manifest.json，或日志签署的检查点";
    "too_large": "请求体过大", "减小请求体后重试；会员文件请用导入接口";
    "too_slow": "处理时间过长，不再等待", "先查看是否已经完成，再决定是否重试";
    "try_again": "系统暂时无法处理，没有保存任何内容", "请稍后重试";
    "unsupported_media_type": "请求体的媒体类型不被接受", "按接口文档设置 Content-Type";
    "wrong_method": "此路径不接受该方法", "按接口文档更换方法";
    "stopping": "该服务正在停止", "请改用其他服务地址";
    "bad_origin": "公开地址的设置有误", "请写成 https://主机名 的形式";
    "busy": "另一进程正在使用", "等其结束后再试";
    "integrity": "存储内容与日志不符，没有放行任何数据", "请系统管理员运行 `countersign doctor` 与 `audit verify --deep`";
    "file_exists": "该文件已存在", "请换一个文件名";
    "mark_newer": "高水位标记比备份更新", "请用更新的备份恢复";
    "older_keys": "密钥备份不是最新的", "请用最新的密钥备份恢复";
}
