"""One program as a process of its own: how long it took and the most memory it held."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from .common import Stop

LAUNCH = [sys.executable, "-I", "-S", str(Path(__file__).parent / "launch.py")]


class Run:
    """`seconds` from start to end; `peak_mib` of that process alone, `later_mib` after its first two seconds
    (none when it was over by then); `out` what it printed."""

    def __init__(self, answer, out):
        self.seconds, self.out = answer["seconds"], out
        self.peak_mib = round(answer["peak_kib"] / 1024, 1)
        self.later_mib = answer["later_kib"] and round(answer["later_kib"] / 1024, 1)

    def told(self, rows=None):
        told = {"seconds": round(self.seconds, 3), "peak_mib": self.peak_mib, "later_mib": self.later_mib}
        return told if rows is None else {**told, "rows": rows, "rate": round(rows / self.seconds)}


def measured(command, stdin=None, text=None, accept=(0,)):
    """Runs a program; its standard input is a file or pipe, or a text."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as given:
        if text is not None:
            given.write(text.encode())
            given.seek(0)
        reading, writing = os.pipe()
        started = [*LAUNCH, str(writing), *command]
        child = subprocess.Popen(started, stdin=stdin or given, stdout=out, stderr=err, pass_fds=[writing])
        os.close(writing)
        with open(reading) as told:
            answer = told.read()
        child.wait()
        out.seek(0)
        err.seek(0)
        printed = out.read().decode(errors="replace")
        answer = json.loads(answer or '{"code": "none"}')
        if answer["code"] not in accept:
            said = err.read().decode(errors="replace") + printed
            raise Stop(1, f"{' '.join(command[-6:])}: exit code {answer['code']}\n{said[-2000:]}")
        return Run(answer, printed)
