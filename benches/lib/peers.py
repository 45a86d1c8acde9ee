"""Theirs, as a Python program would do it: each run is a process of its own, `peer_*.py`.

The seconds are the program's own, from opening the file to the last commit, or from the query to the closed
age file: starting Python and importing libraries is not held against it.
"""

import json
import subprocess
from pathlib import Path

from .common import Stop


class Peer:
    engine = "sqlite"
    packages = ()

    def __init__(self, world):
        self.world, self.file = world, world.folder / f"{self.name}.db"

    @classmethod
    def missing(cls, python):
        return python.missing(*cls.packages)

    def version(self):
        return self.world.python.version(*self.packages)

    def run(self, verb, *more):
        program = Path(__file__).parent / f"peer_{self.name}.py"
        command = [self.world.python.path, "-B", str(program), verb, "--database", str(self.file), *more]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise Stop(1, f"{self.name} failed: {done.stderr}")
        return json.loads(done.stdout)["seconds"]

    def load(self, data):
        for old in self.file.parent.glob(f"{self.file.name}*"):
            old.unlink()
        return self.run("import", "--data", str(data))

    def withdraw(self, data):
        self.run("withdraw", "--data", str(data))

    def export(self, out):
        return self.run("export", "--recipient", self.world.recipient, "--out", str(out))


class Cryptography(Peer):
    name, title, packages = "cryptography", "Python cryptography + sqlite3", ("cryptography",)


class Sqlalchemy(Peer):
    name, title = "sqlalchemy", "SQLAlchemy-Utils, SQLite"
    packages = ("SQLAlchemy", "SQLAlchemy-Utils", "cryptography")
