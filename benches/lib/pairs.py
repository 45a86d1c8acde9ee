"""Pairs: a run of theirs, then one of ours, again and again.

Contenders on the same engine and of the same size share our vault and take turns: a, ours, b, ours, a, ours …
"""

import shutil

from .common import Stop, load, note
from .members import must_be_same, rows_of
from .ours import Exports


class Result:
    """The pairs of one work with one contender."""

    def __init__(self, work, contender, members):
        self.work, self.contender, self.members = work, contender, members
        self.pairs, self.peak, self.rows = [], None, members

    def add(self, theirs, ours, before):
        self.pairs.append({"theirs": round(theirs, 4), "ours": round(ours, 4), "load": before})
        note(f"{self.contender.name:<12} {self.work} pair {len(self.pairs)}: "
             f"theirs {theirs:8.3f} s, ours {ours:8.3f} s, load before {before:.2f}")

    def told(self):
        return {
            "work": self.work, "contender": self.contender.name, "title": self.contender.title,
            "engine": self.contender.engine, "members": self.members, "rows": self.rows,
            "pairs": self.pairs, "peak_mib": self.peak,
        }


def imports(ours, contenders, data, members, count):
    """Every run begins with an empty database, on both sides."""
    results = [Result("import", contender, members) for contender in contenders]
    for _ in range(count):
        for result in results:
            before, theirs = load(), result.contender.load(data)
            told = ours.once(result.contender.engine, "import", members)
            if told["rows"] != members:
                raise Stop(1, f"ours stored {told['rows']} of {members}")
            result.peak = max(result.peak or 0, told["peak_rss_mib"])
            result.add(theirs, told["seconds"], before)
    return results


def exports(ours, contenders, data, members, count, expected, identity):
    """`expected` is what the member file says the rows are; `identity` opens theirs. Every file that was
    timed is decrypted afterwards and its rows compared."""
    results = [Result("export", contender, members) for contender in contenders]
    folder = data / "out"
    folder.mkdir()
    for contender in contenders:
        contender.withdraw(data)
    begun = []
    with Exports(ours, contenders[0].engine, members, count * len(contenders), folder / "ours") as vault:
        for number in range(count):
            for result in results:
                vault.ready()
                before = load()
                file = folder / f"{result.contender.name}-{number}.age"
                begun.append((result, result.contender.export(file), before, file))
                vault.go()
        told = vault.end()
    for (result, theirs, before, _), mine in zip(begun, told["runs"]):
        result.peak, result.rows = told["peak_rss_mib"], told["rows"]
        result.add(theirs, mine, before)
    check(ours, begun, told, expected, identity, folder)
    shutil.rmtree(folder)
    return results


def check(ours, begun, told, expected, identity, folder):
    note(f"decrypting and comparing {2 * len(begun) if ours.keeps else len(begun)} exported files")
    if told["rows"] != expected[0]:
        raise Stop(1, f"the rows differ: the member file has {expected[0]}, ours counted {told['rows']}")
    for at, (result, _, _, file) in enumerate(begun):
        name = result.contender.name
        theirs = rows_of([file], identity, folder)
        if ours.keeps:
            [own] = (folder / "ours").glob("SMS*.identity")
            must_be_same(name, theirs, "ours", rows_of(told["packages"][at], own, folder))
        must_be_same(name, theirs, "the member file", expected)
