"""Words that every part needs: ending a run, saying what happens, running programs, the machine."""

import datetime
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

CLONE = Path(__file__).resolve().parent.parent.parent


class Stop(Exception):
    """Ends the run: an exit code and what to say."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def say(line=""):
    print(line, flush=True)


def note(line):
    print(line, file=sys.stderr, flush=True)


def first_line(*command):
    done = subprocess.run(command, capture_output=True, text=True, cwd=CLONE)
    return done.stdout.split("\n", 1)[0].strip()


def timed(command, **more):
    """Seconds of one program, from its start to its end; anything on standard error is a failure."""
    started = time.monotonic()
    done = subprocess.run(command, stderr=subprocess.PIPE, **more)
    if done.returncode != 0 or done.stderr:
        raise Stop(1, f"theirs failed: {done.stderr.decode(errors='replace')}")
    return time.monotonic() - started


def piped(source, recipient, out, script=None):
    """Seconds of `source | age -r RECIPIENT > out`, as a shell would run it; `script` goes to its input."""
    started = time.monotonic()
    with open(out, "wb") as file:
        given = subprocess.PIPE if script else subprocess.DEVNULL
        first = subprocess.Popen(source, stdin=given, stdout=subprocess.PIPE)
        second = subprocess.Popen(["age", "-r", recipient], stdin=first.stdout, stdout=file)
        first.stdout.close()
        if script:
            first.stdin.write(script.encode())
            first.stdin.close()
    if second.wait() != 0 or first.wait() != 0:
        raise Stop(1, "theirs failed: the export pipeline")
    return time.monotonic() - started


def load():
    return float(open("/proc/loadavg").read().split()[0])


def machine(folder):
    """What the figures depend on, as pairs of a name and a text."""
    names = (l.split(":", 1)[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name"))
    cpu = next(names, platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [
        ("date", f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC"),
        ("machine", f"{cpu}, {os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}, "
                    f"files on {file_system(folder)}, load {load():.1f} before"),
    ]


def version_of(binary):
    commit = first_line("git", "rev-parse", "--short", "HEAD") or "unknown"
    return f"{first_line(binary, '--version')}, beside commit {commit}"


def file_system(folder):
    name = first_line("stat", "-f", "-c", "%T", str(folder))
    if name in ("tmpfs", "ramfs"):
        note(f"warning: {folder} lies in memory, where waiting for the disk costs nothing; give --dir a folder on a disk")
    return name


def release_binary(given):
    """The program to measure: the one named, or a release build of this clone."""
    if given:
        if not os.access(given, os.X_OK):
            raise Stop(64, f"{given} is not a program")
        return os.path.abspath(given)
    note("building: cargo build --release --locked")
    try:
        done = subprocess.run(["cargo", "build", "--release", "--locked"], cwd=CLONE)
    except FileNotFoundError:
        raise Stop(3, "missing, and not installed by this script:\n"
                      "  cargo (Rust from https://rustup.rs), or --binary with a release build") from None
    if done.returncode != 0:
        raise Stop(1, "the build failed")
    target = os.environ.get("CARGO_TARGET_DIR", "target")
    return str((CLONE / target / "release" / "countersign").resolve())


def forget_settings():
    """Of real vaults and their settings nothing reaches a measurement."""
    for name in [n for n in os.environ if n.startswith("COUNTERSIGN_")]:
        del os.environ[name]
