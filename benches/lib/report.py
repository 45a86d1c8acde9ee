"""What came of it, as a table: medians, ratios within pairs, goals."""

import statistics

from .common import say

# Ours ÷ theirs in time, at most: what to reach, and what then.
GOALS = {
    ("export", "sqlite"): (2.0, 1.5, 1.0),
    ("export", "psql"): (0.8, 0.5),
    ("export", "pgcrypto"): (1 / 150, 1 / 300),
    ("export", "cryptography"): (1 / 4, 1 / 8),
    ("import", "sqlite"): (1 / 0.4, 1 / 0.6),
    ("import", "pgcrypto"): (1 / 80, 1 / 130),
    ("import", "cryptography"): (1 / 3, 1 / 4.5),
    ("import", "sqlalchemy"): (1 / 10, 1 / 16),
}
HEAD = ("work", "members", "pairs", "theirs (median)", "ours (median)", "ours ÷ theirs, time: median (least–most)",
        "that is", "goal", "our peak memory", "load before")


def summary(result):
    """Medians of one result as told by `Result.told`. The median of the ratios need not be of the same pair
    as a side's median."""
    pairs = result["pairs"]
    ratios = sorted(pair["ours"] / pair["theirs"] for pair in pairs)
    return {
        "label": f"{result['work']}, {result['title']}",
        "theirs": statistics.median(pair["theirs"] for pair in pairs),
        "ours": statistics.median(pair["ours"] for pair in pairs),
        "ratio": statistics.median(ratios), "least": ratios[0], "most": ratios[-1],
        "loads": [pair["load"] for pair in pairs],
        "goals": GOALS.get((result["work"], result["contender"]), ()),
    }


def by_row(results):
    """Where theirs was measured with fewer members than ours: time per row, theirs at its size and ours at the
    largest that was measured on the same engine. Not pairs: medians of different runs."""
    rows = []
    for small in results:
        larger = [r for r in results if r["work"] == small["work"] and r["engine"] == small["engine"]
                  and r["members"] > small["members"]]
        if not larger:
            continue
        large = max(larger, key=lambda r: r["members"])
        theirs, ours = summary(small)["theirs"] / small["rows"], summary(large)["ours"] / large["rows"]
        rows.append({
            "label": f"{small['work']} per row, {small['title']}", "members": (small["members"], large["members"]),
            "theirs": theirs, "ours": ours, "ratio": ours / theirs,
            "goals": GOALS.get((small["work"], small["contender"]), ()),
        })
    return rows


def times(ratio):
    """0.0066 as `152× faster`."""
    return f"{ratio:.2f}× the time" if ratio >= 1 else f"{1 / ratio:.3g}× faster"


def short(ratio):
    return f"{ratio:.2f}×" if ratio >= 0.1 else f"{ratio:.2g}×"


def goal(ratio, goals):
    if not goals:
        return "–"
    met = sum(ratio <= g for g in goals)
    said = " then ".join(short(g) for g in goals)
    return f"≤ {said}: {'missed' if met == 0 else 'reached' if met == len(goals) else f'first {met} reached'}"


def table(results, skipped):
    say("\n| " + " | ".join(HEAD) + " |")
    say("|" + "---|" * len(HEAD))
    for result in results:
        s = summary(result)
        loads = s["loads"]
        say(f"| {s['label']} | {result['members']:,} | {len(result['pairs'])} | {s['theirs']:.2f} s | {s['ours']:.2f} s | "
            f"{short(s['ratio'])} ({short(s['least'])}–{short(s['most'])}) | {times(s['ratio'])} | "
            f"{goal(s['ratio'], s['goals'])} | {result['peak_mib']} MiB | {min(loads):.1f}–{max(loads):.1f} |")
    for row in by_row(results):
        theirs, ours = row["members"]
        say(f"| {row['label']} (theirs at {theirs:,}, ours at {ours:,}; no pairs) | – | – | {row['theirs'] * 1e6:.1f} µs | "
            f"{row['ours'] * 1e6:.2f} µs | {short(row['ratio'])} | {times(row['ratio'])} | {goal(row['ratio'], row['goals'])} | – | – |")
    for name, why in skipped:
        say(f"| {name} | – | – | skipped: {why} |" + " – |" * (len(HEAD) - 4))
