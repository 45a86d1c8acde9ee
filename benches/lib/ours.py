"""Ours: `countersign bench`, which times the verb itself and makes its vault in a temporary folder."""

import json
import subprocess

from .common import Stop


class Ours:
    def __init__(self, world, binary):
        self.world, self.binary = world, binary
        help_text = subprocess.run([binary, "bench", "export", "--help"], capture_output=True, text=True).stdout
        self.keeps = "--keep" in help_text

    def start(self, engine, verb, members, *more):
        command = [self.binary, "--data", str(self.world.folder / "data"), "--json"]
        if engine == "postgres":
            self.world.server.again("vault")
            command += ["--database", self.world.server.url("vault")]
        command += ["bench", verb, "--members", str(members), *more]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def forget(self, engine):
        if engine == "postgres":
            self.world.server.drop("vault")

    @staticmethod
    def line(child):
        line = child.stdout.readline()
        if not line:
            raise Stop(1, f"ours failed with exit code {child.wait()}")
        told = json.loads(line)
        if "error" in told:
            raise Stop(1, f"ours failed: {told['error']['message']}")
        return told

    def once(self, engine, verb, members):
        child = self.start(engine, verb, members)
        told = self.line(child)
        child.wait()
        self.forget(engine)
        return told


class Exports:
    """One vault that waits between its packages, so that each follows one run of another program."""

    def __init__(self, ours, engine, members, repeat, keep):
        self.ours, self.engine, self.keep, self.done = ours, engine, keep, 0
        more = ["--keep", str(keep)] if ours.keeps else []
        self.child = ours.start(engine, "export", members, "--repeat", str(repeat), "--wait", *more)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()
        self.ours.forget(self.engine)

    def ready(self):
        """Waits until the next package is about to be made, and only that."""
        self.done += 1
        if self.ours.line(self.child).get("ready") != self.done:
            raise Stop(1, "ours did not wait for its turn")

    def go(self):
        self.child.stdin.write("\n")
        self.child.stdin.flush()

    def end(self):
        """`runs` in seconds, `rows`, `peak_rss_mib`; the files of each run in `packages`."""
        told = self.ours.line(self.child)
        self.child.wait()
        files, runs = told.get("files", []), len(told["runs"])
        each = len(files) // runs
        told["packages"] = [files[n * each : (n + 1) * each] for n in range(runs)]
        return told
