#!/bin/sh
# How tests/data/vault_v1 was made: the vault of tests/moved.rs, by the program whose members lay in rows.
#
#   OLD=<that program> tests/data/vault_v1.sh FOLDER
#
# The clock was set to 6 January 2025, so that no machine's clock is behind the vault's log; and a request lasts
# as long as the policy lets it, so that what was signed and sealed then is good for ten years.
# Every person's password is "pass word of LOGIN". FOLDER/vault is the fixture.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"; cd "$1"
mkdir -p passwords vault vendors
data=vault/data
cs() { "$OLD" --data "$data" --high-water vault/high-water "$@"; }
by() { who=$1; shift; password "$who"; cs "$@" --as "$who" --password-file "passwords/$who"; }
password() { printf 'pass word of %s\n' "$1" > "passwords/$1"; chmod 600 "passwords/$1"; }
people=$(sed -n 's/^login = "\(.*\)"$/\1/p' "$here/tests/support/world_org.toml")

password admin
cs init --admin admin --password-file passwords/admin
for who in $people; do password "$who"; done
sed 's|^login = "\(.*\)"$|&\npassword_file = "passwords/\1"|' "$here/tests/support/world_org.toml" > org.toml
by admin org apply org.toml > /dev/null 2>&1
echo 'The covenant of 2019.' > covenant.txt
for family in member_covenant points_card_covenant; do
    by admin covenant add $family 2019-01 covenant.txt --language zh
done
for vendor in SMS1:sms DM1:post; do
    code=${vendor%:*}
    age-keygen -o "vault/$code.identity" 2> /dev/null
    cat > vendor.toml <<TOML
code = "$code"
name = { zh = "外包商", en = "Vendor" }
channels = ["${vendor#*:}"]
contract = { reference = "HT-1", from = "2025-01-01", to = "2099-12-31" }
key = { kind = "age", recipient = "$(age-keygen -y "vault/$code.identity")", fingerprint_checked_by = "phone" }
TOML
    by hq.vendors vendor add vendor.toml
done
cp -r "$here/policies" policies
sed -i 's/^request_expires_days = 30$/request_expires_days = 3660/' policies/retention.toml
sed -i '/^what = "request"/,/^ends/{s/2027-01-04/2036-12-12/; s/2028-03-16/2038-02-22/}' policies/retention.test.toml
by admin policy propose policies
by admin2 policy second 2

# 150 members over three blocks, with every kind of gap: see the columns.
awk 'BEGIN {
    print "卡号,姓名,手机,邮箱,地址,邮编,生日,会员类型,会员等级,归属门店,入会日期,规约,规约版本,同意短信,同意邮寄,同意邮件,累计消费,最近消费日"
    for (n = 0; n < 150; n++) {
        name = n % 41 == 40 ? "=SUM(1)" : "测试" n
        mobile = n % 17 == 16 ? "" : sprintf("139%08d", n % 23 == 22 ? n - 1 : n)
        email = n % 3 ? "" : "member" (n % 30 == 27 ? n - 3 : n) "@example.com"
        address = n % 13 == 12 ? "" : "杭州市西湖区样例路" n + 1 "号" n % 9 + 1 "室"
        post = address == "" ? "" : sprintf("%06d", 310000 + n)
        born = n % 19 == 18 ? "2023-05-06" : sprintf("%d-0%d-1%d", 1950 + n % 50, n % 9 + 1, n % 9)
        if (n % 29 == 28) born = ""
        covenant = n % 31 == 30 ? "," : (n % 2 ? "会员规约" : "积分卡会员规约") ",2019-01"
        yes = n % 5 == 4 ? "否" : n % 7 == 6 ? "" : "是"
        printf "%d,%s,%s,%s,%s,%s,%s,%s,普通,S00%d,2016-01-03,%s,%s,%s,%s,%d.11,2024-0%d-14\n", 88000000 + n, name,
            mobile, email, address, post, born, n % 4 ? "会员卡" : "联名卡", n % 3 + 1, covenant, yes,
            n % 2 ? "是" : "", n % 6 ? "" : "是", n * 100, n % 9 + 1
    }
}' > members.csv
by mem.head member import members.csv --json
# A second file that changes some of them: a later version of a field, a tier, a no.
sed -n '1p;20,30p' members.csv | sed 's/,普通,/,金卡,/; s/,是,是,/,否,是,/; s/样例路/虚构大道/' > again.csv
by mem.head member import again.csv --json
printf '13812345678\n' | by s1.counter member correct 88000003 --field mobile --reason 'form 113'
by s1.counter consent set 88000000 --purpose promotion --channel sms --refuse --evidence 'form 114'
by s1.counter consent set 88000000 --purpose promotion --channel sms --grant --evidence 'form 115'
by s1.counter consent set 88000009 --purpose promotion --channel sms --refuse
by mem.desk consent set 88000010 --purpose promotion --channel post --recipient tenant_operator --grant --evidence 'form 116'
printf 'mobile\n13900000012\n13700000000\n' > stop.csv
by mem.head suppression import stop.csv --reason complaint

form() { # unit fields vendor receiver channel
    printf 'unit = "%s"\npurpose = "promotion"\ncampaign = "新年满减"\nchannel = "%s"\nfields = [%s]\nvendor = "%s"\n' \
        "$1" "$5" "$2" "$3"
    printf 'receiver = "%s"\nwindow = { from = "2025-01-20", to = "2099-01-05" }\ndestroy_by = "2099-01-20"\n' "$4"
    printf 'row_limit = 500000\nimpact_assessment = "PIA-2024-07"\nreason = "新年活动告知"\n'
}
form HQ-MKT '"mobile"' SMS1 hq.receiver sms > sms.toml
form S001-MKT '"name", "address", "postcode"' DM1 s1.receiver post > post.toml
signed() { # officer head planner number
    by "$1" request submit "$4"
    for signer in "$2" "$3" mem.head; do by "$signer" request sign "$4"; done
}
# 1: executed, downloaded, handed over.
no=$(by hq.officer request draft sms.toml); signed hq.officer hq.head hq.planner "$no"
by hq.it request execute "$no"
by hq.receiver package download "$no" --out out > /dev/null
by hq.receiver package hand-off "$no-P1"
# 2: executed and recalled.
no=$(by hq.officer request draft sms.toml); signed hq.officer hq.head hq.planner "$no"
by hq.it request execute "$no"
by mem.head package recall "$no-P1" --reason 'wrong dates'
# 3: signed by all, not executed. 4: a draft.
no=$(by hq.officer request draft sms.toml); signed hq.officer hq.head hq.planner "$no"
by hq.officer request draft sms.toml
# Of the store: sealed and not downloaded.
no=$(by s1.officer request draft post.toml); signed s1.officer s1.head s1.pop "$no"
by s1.it request execute "$no"

by s1.counter member reveal 88000006 --fields mobile,name --reason 'called back'
by mem.head member erase 88000006 --reason 'letter of 3 May'
# The highest ordinal of all, too.
by mem.head member erase 88000149 --reason 'letter of 4 May'
cs audit verify --deep
# After that, until it came out so: `member erase 88000077 --reason 'letter of 5 May'` by mem.head, struck by SIGKILL
# once the row of the erasure was there; kept when the row was not finished and the wrapped key still stood. Then
# `pragma wal_checkpoint(truncate)` on both files. tests/data/vault_v1.json is what OLD answered on a copy of that.
