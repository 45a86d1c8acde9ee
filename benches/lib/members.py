"""The same made-up members for everyone, and whether everyone exported the same rows of them."""

import csv
import hashlib
import io
import os
import subprocess
from pathlib import Path

from .common import Stop

CHANNELS = ("sms", "post", "email")


def made(binary, members, *more):
    """Rows of `countersign bench members`, as lists of 18 cells (3 with `--withdrawn`)."""
    command = [binary, "bench", "members", "--members", str(members), *more]
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    rows = csv.reader(io.TextIOWrapper(child.stdout, encoding="utf-8-sig", newline=""))
    next(rows)
    yield from rows
    if child.wait() != 0:
        raise Stop(1, "`countersign bench members` failed")


def make(binary, members, folder):
    """Writes the file as two plain tables and the withdrawals as statements; gives the rows that an export
    by sms must have, as `Rows`, worked out here from the file and not by any contender.

        members.csv    card, five or six personal fields, eight others (15 columns)
        consents.csv   card, channel, 1 or 0; a cell that says nothing has no row
        withdrawn.csv  cards that withdraw from sms afterwards; withdrawn.sql the same as updates
    """
    folder.mkdir(parents=True, exist_ok=True)
    said = {"是": 1, "否": 0}
    gone = set()
    with open(folder / "withdrawn.csv", "w") as plain, open(folder / "withdrawn.sql", "w") as sql:
        sql.write("begin;\n")
        for row in made(binary, members, "--withdrawn"):
            gone.add(row[0])
            plain.write(row[0] + "\n")
            sql.write(f"update consent set granted = 0 where card = {row[0]} and channel = 'sms';\n")
        sql.write("commit;\n")
    expected = Hasher(folder)
    with open(folder / "members.csv", "w", newline="") as plain, open(folder / "consents.csv", "w", newline="") as consents:
        plain, consents = csv.writer(plain, lineterminator="\n"), csv.writer(consents, lineterminator="\n")
        for row in made(binary, members):
            plain.writerow(row[:13] + row[16:])
            consents.writerows((row[0], channel, said[cell]) for channel, cell in zip(CHANNELS, row[13:16]) if cell)
            if row[13] == "是" and row[0] not in gone:
                expected.add(row[2])
    return expected.end()


class Rows(tuple):
    """How many rows, and SHA-256 of their sorted lines."""

    def __new__(cls, count, digest):
        return super().__new__(cls, (count, digest))

    def __str__(self):
        return f"{self[0]:,} rows, SHA-256 {self[1][:16]}…"


class Hasher:
    """Hashes rows whatever their order, by sort(1), which spills to the folder and so takes any number."""

    def __init__(self, folder):
        command = ["sort", "-S", "64M", "-T", str(folder)]
        self.sort = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "LC_ALL": "C"}
        )
        self.count, self.waiting = 0, []

    def add(self, value):
        self.waiting.append(value)
        if len(self.waiting) == 4096:
            self.flush()

    def flush(self):
        self.count += len(self.waiting)
        self.sort.stdin.write("".join(value + "\n" for value in self.waiting).encode())
        self.waiting = []

    def end(self):
        # sort(1) answers only after its input has ended.
        self.flush()
        self.sort.stdin.close()
        digest = hashlib.sha256()
        while piece := self.sort.stdout.read(1 << 20):
            digest.update(piece)
        if self.sort.wait() != 0:
            raise Stop(1, "sort failed")
        return Rows(self.count, digest.hexdigest())


def rows_of(files, identity, folder, header="mobile"):
    """The rows of age files, decrypted: without byte-order mark, header and carriage returns."""
    rows = Hasher(folder)
    for file in files:
        age = subprocess.Popen(["age", "-d", "-i", str(identity), str(file)], stdout=subprocess.PIPE)
        for at, line in enumerate(io.TextIOWrapper(age.stdout, encoding="utf-8-sig", newline="\n")):
            line = line.rstrip("\r\n")
            if at > 0 or line != header:
                rows.add(line)
        if age.wait() != 0:
            raise Stop(1, f"{Path(file).name} cannot be decrypted")
    return rows.end()


def must_be_same(one, theirs, other, ours):
    if theirs != ours:
        raise Stop(1, f"the rows differ: {one} has {theirs}, {other} has {ours}")
