//! The strings of one's own account.

words! {
    roles = "任职", "Roles";
    no_roles = "尚未任职。", "No roles yet.";
    signed_in_until = "本次登录最迟到", "Signed in until, at the latest";
    held_until = "新密钥或新任职满 24 小时后才能签名：", "A new key or role signs nothing until";
    undertaking = "保密承诺书", "Confidentiality undertaking";
    undertaken = "您的承诺有效至", "Yours holds until";
    not_undertaken = "没有有效的承诺书，就不能查看明文、签批、执行或领取。", "Without a current one nobody reveals, signs, executes or downloads.";
    version = "版本", "Version";
    undertake = "我已阅读并承诺", "I have read it and undertake it";
    password = "修改密码", "Change the password";
    new_password = "新密码（至少 8 个字符）", "New password (at least 8 characters)";
    ends_sessions = "修改后，所有登录（包括本次）都会结束。", "It ends every session, this one too.";
    second_factor = "第二因素", "Second factor";
    second_lead = "在密码之外再要求一次验证。设置后，登录和签名都会要求它。", "One more proof beside the password. Once it is set up, signing in and every signature ask for it.";
    totp = "动态验证码", "Time-based codes";
    totp_on = "已启用。", "Set up.";
    totp_off = "未启用。", "Not set up.";
    totp_begin = "设置动态验证码", "Set up time-based codes";
    totp_secret = "在验证器应用中输入此密钥，然后输入它显示的第一个验证码。密钥只显示这一次。", "Type this secret into an authenticator app, then the first code it shows. The secret is shown this once.";
    totp_first = "验证器显示的验证码", "The code it shows";
    confirm = "确认", "Confirm";
    remove = "移除", "Remove";
    codes_left = "剩余恢复码", "Recovery codes left";
    codes = "恢复码：每个只能用一次，只显示这一次。请打印后妥善保管。", "Recovery codes: each works once, and they are shown this once. Print them and keep them safe.";
    account = "公司账号", "Company account";
    account_lead = "关联后可用公司账号登录。签名、查看明文、执行与领取仍要求密码。", "Once linked, it signs you in. Signing, revealing, executing and downloading still ask for the password.";
    account_none = "尚未关联。", "Not linked.";
    account_since = "已关联，自", "Linked since";
    account_link = "关联", "Link";
    account_unlink = "取消关联", "Unlink";
    passkeys = "通行密钥", "Passkeys";
    no_passkeys = "还没有通行密钥。", "No passkeys yet.";
    passkey_name = "给它起个名字", "A name for it";
    passkey_add = "添加通行密钥", "Add a passkey";
    passkey_first = "请先输入密码，再添加通行密钥。", "Give your password first, then add the passkey.";
    prove = "继续", "Go on";
    added = "添加于", "added";
    needs_script = "添加通行密钥需要启用脚本。", "Adding a passkey needs scripts.";
}
