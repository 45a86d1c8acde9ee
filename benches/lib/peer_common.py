"""What both Python programs share: their arguments, the timing, the pipe into age."""

import argparse
import csv
import hmac
import io
import json
import os
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

FIELDS = ("name", "mobile", "email", "address", "postcode", "birthday")
CLEAR = ("card_type", "tier", "home_store", "joined_on", "covenant", "covenant_version", "spend", "last_visit_on")


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("verb", choices=["import", "withdraw", "export"])
    parser.add_argument("--database", required=True, type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--recipient")
    parser.add_argument("--out")
    return parser.parse_args()


def keys(database, *names):
    """32 random bytes for each name, in a file beside the database; made when it is new."""
    path = Path(f"{database}.keys")
    if not path.exists():
        path.write_text(json.dumps({name: os.urandom(32).hex() for name in names}))
    return {name: bytes.fromhex(key) for name, key in json.loads(path.read_text()).items()}


def tag(key, text):
    """A blind index: 128 bits of HMAC-SHA-256; none for an empty value."""
    return hmac.digest(key, text.encode(), "sha256")[:16] if text else None


def rows(path):
    with open(path, newline="") as file:
        yield from csv.reader(file)


@contextmanager
def age(recipient, out):
    """A text file that ends up encrypted; closed when age has written all of it."""
    child = subprocess.Popen(["age", "-r", recipient, "-o", out], stdin=subprocess.PIPE)
    with io.TextIOWrapper(child.stdin, encoding="utf-8", newline="") as text:
        yield text
    if child.wait() != 0:
        raise SystemExit("age failed")


def measured(work):
    """Runs the work and prints its seconds."""
    started = time.monotonic()
    work()
    print(json.dumps({"seconds": time.monotonic() - started}))
