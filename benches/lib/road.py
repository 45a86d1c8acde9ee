"""A demo vault driven from outside by the verbs everyone calls, each a process of its own.

`countersign demo` makes organisation, people, vendors and policy, with everyone's password and the vendor's
identity in files: it is set-up, and is not timed.
"""

import csv
import datetime
import json
import subprocess

from .common import Stop
from .measured import measured

HEADER = "卡号,姓名,手机,邮箱,地址,邮编,生日,会员类型,会员等级,归属门店,入会日期,规约,规约版本,同意短信,同意邮寄,同意邮件,累计消费,最近消费日"
# The demo makes two packages, which need somebody in them: these four, who name every store and covenant that the
# made-up members have, and who refuse afterwards.
SEED = [
    ("700000001", "S001", "会员规约", "2011-07"), ("700000002", "S002", "会员规约", "2024-06"),
    ("700000003", "S001", "积分卡会员规约", "2019-01"), ("700000004", "S002", "积分卡会员规约", "2024-06"),
]
SIGNERS = ("wang.qiang", "chen.jing", "liu.yang")


class Road:
    def __init__(self, binary, folder, url=None):
        self.binary, self.folder, self.vault = binary, folder, folder / "vault"
        self.common = [binary, "--data", str(self.vault), "--high-water", str(folder / "state" / "high-water"), "--json"]
        self.common += ["--database", url] if url else []
        self.identity = self.vault / "vendors" / "SMS1.identity"

    def make(self):
        seed = self.folder / "seed.csv"
        seed.write_text(self.seed("是"))
        measured([*self.common, "demo", "--dir", str(self.vault), "--file", str(seed)])
        seed.write_text(self.seed("否"))
        with open(seed) as file:
            self.do("liu.yang", "member", "import", "-", stdin=file)

    @staticmethod
    def seed(said):
        rows = [f"{card},王一,130{card[1:]},,上海市徐汇区人民路{card[-1]}号,200000,1980-01-01,会员卡,普通,{store},2019-09-26,"
                f"{family},{version},{said},{said},{said},1.00,2023-04-20" for card, store, family, version in SEED]
        return "\n".join([HEADER, *rows, ""])

    def do(self, login, *verb, **how):
        """Runs a verb as a person of the demo."""
        secret = str(self.vault / "secrets" / login)
        return measured([*self.common, *verb, "--as", login, "--password-file", secret], **how)

    def answer(self, login, *verb, **how):
        run = self.do(login, *verb, **how)
        return run, json.loads(run.out.strip().split("\n")[-1])

    def members(self, members, *more):
        """Made by one process, imported by another: no file between, and the importer's memory is its own."""
        source = subprocess.Popen([self.binary, "bench", "members", "--members", str(members), *more], stdout=subprocess.PIPE)
        run, told = self.answer("liu.yang", "member", "import", "-", stdin=source.stdout)
        source.stdout.close()
        if source.wait() != 0 or told["rejected"]:
            raise Stop(1, f"the import rejected {told['rejected']} made-up rows")
        return run, told

    def countersigned(self):
        """A request for everyone by sms, drafted, submitted and signed: its number."""
        today = datetime.date.today()
        day = [(today + datetime.timedelta(days=days)).isoformat() for days in (1, 15, 29)]
        form = self.folder / "request.toml"
        form.write_text(f"""unit = "HQ-MKT"
purpose = "promotion"
campaign = "scale"
channel = "sms"
fields = ["mobile"]
vendor = "SMS1"
receiver = "zhao.min"
window = {{ from = "{day[0]}", to = "{day[1]}" }}
destroy_by = "{day[2]}"
row_limit = 10000000
impact_assessment = "PIA-SCALE"
reason = "scale"
""")
        _, told = self.answer("li.na", "request", "draft", str(form))
        number = told["no"]
        self.do("li.na", "request", "submit", number)
        for signer in SIGNERS:
            self.do(signer, "request", "sign", number)
        return number

    def export(self, number):
        return self.answer("sun.lei", "request", "execute", number)

    def download(self, package, out):
        return self.answer("zhao.min", "package", "download", package, "--out", str(out))

    def look_up(self, mobile):
        run, told = self.answer("liu.yang", "member", "look-up", "--by", "mobile", text=mobile + "\n")
        if len(told["items"]) != 1:
            raise Stop(1, f"a look-up found {len(told['items'])} members")
        return run

    def verify(self, *more):
        return measured([*self.common, "audit", "verify", *more])

    def doctor(self):
        # Warnings of a machine (time, permissions) are not this measurement's.
        return measured([*self.common, "doctor"], accept=(0, 1))

    def sqlite_bytes(self):
        """Database and keystore on SQLite, with their journals."""
        return sum(file.stat().st_size for file in self.vault.glob("*.db*"))
