"""A private PostgreSQL server in the temporary folder, as initdb leaves it."""

import os
import shutil
import subprocess
import urllib.parse

from .common import Stop, timed
from .tools import postgres_folder


class Server:
    def __init__(self, folder):
        self.bin, self.home = postgres_folder(), folder / "postgres"
        self.psql = [self.bin + "/psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(self.home), "-U", "postgres"]

    def as_server(self, *command):
        # A server refuses to run as root.
        lower = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        done = subprocess.run([*lower, *command], cwd=self.home, capture_output=True, text=True)
        if done.returncode != 0:
            raise Stop(1, f"{command[0]}: {done.stderr}")

    def start(self):
        self.home.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self.home, "postgres", "postgres")
        data = str(self.home / "data")
        self.as_server(self.bin + "/initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-D", data)
        settings = f"-k {self.home} -c listen_addresses=''"
        self.as_server(self.bin + "/pg_ctl", "-D", data, "-l", str(self.home / "log"), "-o", settings, "-w", "start")

    def stop(self):
        if (self.home / "data" / "postmaster.pid").exists():
            self.as_server(self.bin + "/pg_ctl", "-D", str(self.home / "data"), "-m", "fast", "-w", "stop")

    def sql(self, text, database="postgres"):
        timed([*self.psql, "-d", database, "-c", text])

    def script(self, database, text):
        """Seconds of a script of psql's."""
        return timed([*self.psql, "-d", database], input=text.encode())

    def run_file(self, database, path):
        timed([*self.psql, "-d", database, "-f", str(path)])

    def drop(self, database):
        timed([*self.psql, "-c", "set client_min_messages = warning", "-c", f"drop database if exists {database}"])

    def again(self, database):
        self.drop(database)
        self.sql(f"create database {database}")

    def size(self, database):
        """Bytes of a database."""
        query = [*self.psql, "-d", database, "-At", "-c", "select pg_database_size(current_database())"]
        return int(subprocess.run(query, capture_output=True, text=True, check=True).stdout)

    def url(self, database):
        host = urllib.parse.quote(str(self.home), safe="")
        return f"postgres://postgres@localhost:5432/{database}?host={host}"
