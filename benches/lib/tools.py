"""What a contender needs and whether it is there. What is missing is named with the command that would
install it; only `--install` installs, into the folder of `--venv`, and prints what."""

import glob
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from .common import CLONE, Stop, first_line, note

REQUIREMENTS = CLONE / "benches" / "requirements.txt"


def postgres_folder():
    """The newest folder with a server; Debian keeps them out of PATH."""
    folders = glob.glob("/usr/lib/postgresql/*/bin") + glob.glob("/usr/pgsql-*/bin")
    folders.sort(key=lambda f: [int(n) for n in "".join(c if c.isdigit() else " " for c in f).split()], reverse=True)
    on_path = shutil.which("initdb")
    folders += [os.path.dirname(on_path)] if on_path else []
    return next((f for f in folders if all(os.access(f"{f}/{p}", os.X_OK) for p in ("initdb", "postgres", "psql"))), None)


def missing_sqlite():
    return None if shutil.which("sqlite3") else "sqlite3 is missing: `apt-get install sqlite3`"


def missing_postgres():
    if not postgres_folder():
        return "initdb, postgres and psql are missing: `apt-get install postgresql`"
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        return "setpriv is missing, since the server does not run as root: `apt-get install util-linux`"
    return None


def missing_pgcrypto():
    missing = missing_postgres()
    if missing:
        return missing
    shared = first_line(postgres_folder() + "/pg_config", "--sharedir") or "/usr/share/postgresql"
    if glob.glob(f"{shared}/extension/pgcrypto.control"):
        return None
    return "the extension pgcrypto is missing: `apt-get install postgresql-contrib`"


def missing_age():
    there = shutil.which("age") and shutil.which("age-keygen")
    return None if there else "age and age-keygen are missing: `apt-get install age`"


class Python:
    """The interpreter that the two Python contenders run in: this one, or a venv's."""

    def __init__(self, venv, install):
        self.venv = venv and Path(venv).absolute()
        self.path = str(self.venv / "bin" / "python") if venv else sys.executable
        if install:
            self.install()
        self.found = self.packages()

    def install(self):
        if not self.venv:
            raise Stop(64, "--install needs --venv DIR, the folder to install into")
        pins = " ".join(line for line in REQUIREMENTS.read_text().split("\n") if line and not line.startswith("#"))
        note(f"installing into {self.venv}: {pins}, and what they depend on")
        if not os.access(self.path, os.X_OK):
            subprocess.run([sys.executable, "-m", "venv", str(self.venv)], check=True)
        pip = [self.path, "-m", "pip", "install", "--disable-pip-version-check", "-q", "-r", str(REQUIREMENTS)]
        if subprocess.run(pip).returncode != 0:
            raise Stop(1, "pip failed")

    def packages(self):
        """Name to version of what is there."""
        script = (
            "import importlib.metadata as m, json, sqlite3, sys\n"
            "found = {'python': sys.version.split()[0], 'sqlite': sqlite3.sqlite_version}\n"
            "for name in ('cryptography', 'SQLAlchemy', 'SQLAlchemy-Utils'):\n"
            "    try: found[name] = m.version(name)\n"
            "    except m.PackageNotFoundError: pass\n"
            "print(json.dumps(found))\n"
        )
        try:
            done = subprocess.run([self.path, "-c", script], capture_output=True, text=True)
            return json.loads(done.stdout)
        except (OSError, ValueError):
            return {}

    def missing(self, *names):
        lacking = [name for name in names if name not in self.found]
        if not lacking:
            return None
        return (f"Python package {', '.join(lacking)} is missing: "
                "`python3 -m venv DIR && DIR/bin/pip install -r benches/requirements.txt`, then --venv DIR")

    def version(self, *names):
        of = ", ".join(f"{name} {self.found.get(name, '-')}" for name in names)
        return f"{of}, Python {self.found.get('python')} with SQLite {self.found.get('sqlite')}"
