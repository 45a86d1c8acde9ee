"""Theirs, without a vault: plain tables, exported through a pipe into age."""

import subprocess

from .common import first_line, piped, timed
from .tools import missing_postgres, missing_sqlite, postgres_folder

TABLES = """
create table member (card bigint primary key, name text, mobile text, email text, address text, postcode text,
    birthday text, card_type text, tier text, home_store text, joined_on text, covenant text,
    covenant_version text, spend text, last_visit_on text);
create index member_mobile on member (mobile);
create index member_email on member (email);
create index member_post on member (postcode, address);
create table consent (card bigint, channel text, granted integer, primary key (card, channel));
"""
CONSENTING = "select m.mobile from member m join consent c on c.card = m.card and c.channel = 'sms' and c.granted = 1"


class Sqlite:
    """Plain tables in an SQLite file, by the sqlite3 program: one transaction, WAL, synchronous=full."""

    name, title, engine = "sqlite", "plain SQLite, sqlite3", "sqlite"

    def __init__(self, world):
        self.world, self.file = world, world.folder / "plain.db"

    @staticmethod
    def missing(_python):
        return missing_sqlite()

    def version(self):
        return f"sqlite3 {first_line('sqlite3', '--version').split()[0]}"

    def load(self, data):
        for old in self.file.parent.glob("plain.db*"):
            old.unlink()
        script = f"""pragma journal_mode = wal;\npragma synchronous = full;\nbegin;\n{TABLES}
.mode csv
.import {data}/members.csv member
.import {data}/consents.csv consent
commit;
"""
        return timed(["sqlite3", str(self.file)], input=script.encode(), stdout=subprocess.DEVNULL)

    def withdraw(self, data):
        with open(data / "withdrawn.sql", "rb") as script:
            timed(["sqlite3", str(self.file)], stdin=script)
        timed(["sqlite3", str(self.file), "analyze"])

    def export(self, out):
        return piped(["sqlite3", "-csv", str(self.file), CONSENTING], self.world.recipient, out)


class Postgres:
    """Plain tables in the private server, in another database than our vault's."""

    name, title, engine = "psql", "plain PostgreSQL, psql COPY", "postgres"

    def __init__(self, world):
        self.world = world

    @staticmethod
    def missing(_python):
        return missing_postgres()

    def version(self):
        return f"{first_line(postgres_folder() + '/postgres', '--version')}, defaults of initdb"

    def load(self, data):
        self.world.server.again("plain")
        copies = [f"\\copy {table} from '{data}/{table}s.csv' csv" for table in ("member", "consent")]
        return self.world.server.script("plain", "\n".join(["begin;", TABLES, *copies, "commit;\n"]))

    def withdraw(self, data):
        self.world.server.run_file("plain", data / "withdrawn.sql")
        self.world.server.sql("vacuum analyze", "plain")

    def export(self, out):
        source = [*self.world.server.psql, "-d", "plain", "-c", f"copy ({CONSENTING}) to stdout csv"]
        return piped(source, self.world.recipient, out)
