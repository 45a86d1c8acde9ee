"""Theirs, pgcrypto: the personal fields as `pgp_sym_encrypt` leaves them.

pgcrypto's defaults: AES-128, S2K mode 3 (iterated and salted, SHA-1, a count drawn between 65,536 and 253,952
for each value). Every value runs its own S2K, which is what it costs. The look-ups that ours has by blind index
are `hmac(…, 'sha256')` columns with an index here.
"""

from .common import first_line, piped
from .tools import missing_pgcrypto, postgres_folder

# Made-up members only: these protect nothing.
KEYS = "\\set key 'correct horse battery staple'\n\\set index_key 'another one, for the look-ups'\n"
FIELDS = ("name", "mobile", "email", "address", "postcode", "birthday")
CLEAR = ("card_type", "tier", "home_store", "joined_on", "covenant", "covenant_version", "spend", "last_visit_on")
TABLES = f"""
create table member (card bigint primary key, {', '.join(f'{f} bytea' for f in FIELDS)},
    mobile_tag bytea, email_tag bytea, post_tag bytea, {', '.join(f'{c} text' for c in CLEAR)});
create index member_mobile on member (mobile_tag);
create index member_email on member (email_tag);
create index member_post on member (post_tag);
create table consent (card bigint, channel text, granted integer, primary key (card, channel));
"""
STAGING = f"create temp table staging (card bigint, {', '.join(f'{c} text' for c in (*FIELDS, *CLEAR))});\n"
SEAL = f"""
insert into member select card, {', '.join(f"pgp_sym_encrypt({f}, :'key')" for f in FIELDS)},
    hmac(mobile, :'index_key', 'sha256'), hmac(email, :'index_key', 'sha256'),
    hmac(postcode || address, :'index_key', 'sha256'), {', '.join(CLEAR)} from staging;
"""
EXPORT = """copy (select pgp_sym_decrypt(m.mobile, :'key') from member m
    join consent c on c.card = m.card and c.channel = 'sms' and c.granted = 1) to stdout csv;
"""


class Pgcrypto:
    """On the private server. Some hundred times slower than the others, hence `small`."""

    name, title, engine, small = "pgcrypto", "pgcrypto", "postgres", True

    def __init__(self, world):
        self.world = world

    @staticmethod
    def missing(_python):
        return missing_pgcrypto()

    def version(self):
        return f"pgcrypto of {first_line(postgres_folder() + '/postgres', '--version')}: AES-128, s2k-mode 3, default count"

    def load(self, data):
        self.world.server.again("pgcrypto")
        self.world.server.sql("create extension pgcrypto", "pgcrypto")
        copies = [f"\\copy {t} from '{data}/{f}.csv' csv\n" for t, f in (("staging", "members"), ("consent", "consents"))]
        script = "".join([KEYS, "begin;", TABLES, STAGING, *copies, SEAL, "commit;\n"])
        return self.world.server.script("pgcrypto", script)

    def withdraw(self, data):
        self.world.server.run_file("pgcrypto", data / "withdrawn.sql")
        self.world.server.sql("vacuum analyze", "pgcrypto")

    def export(self, out):
        return piped([*self.world.server.psql, "-d", "pgcrypto"], self.world.recipient, out, script=KEYS + EXPORT)
