"""Plots as SVG, by hand: no library draws them and none is needed to look at them."""

import math
from html import escape

from .report import by_row, short, summary

INK, PALE, BAR, SLOW, GOAL = "#222", "#999", "#3b7dd8", "#c9742b", "#1a7f37"
# A colour a step; PostgreSQL is dashed.
LINES = {"import": "#3b7dd8", "export": "#c9742b", "verify": "#8250df", "deep": "#57606a", "doctor": "#b32d5b", "look-up": "#222"}


class Drawing:
    def __init__(self, width, height):
        self.width, self.height, self.parts = width, height, []

    def text(self, x, y, text, anchor="start", size=12, fill=INK):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{fill}">{escape(text)}</text>')

    def line(self, x1, y1, x2, y2, stroke=PALE, width=1.0, dash=""):
        dash = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}" stroke-width="{width}"{dash}/>')

    def box(self, x, y, width, height, fill):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{height:.1f}" fill="{fill}"/>')

    def path(self, points, stroke, dash=""):
        at = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{at}" fill="none" stroke="{stroke}" stroke-width="1.8" stroke-dasharray="{dash or "none"}"/>')
        self.parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{stroke}"/>' for x, y in points]

    def svg(self):
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height:.0f}" '
                f'width="{self.width}" height="{self.height:.0f}" font-family="system-ui, sans-serif">\n'
                f'<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(self.parts) + "\n</svg>\n")


WIDTH, LEFT, RIGHT, STEP = 860, 365, 150, 24


def bars(drawing, results, top):
    """Ours ÷ theirs, a bar a row from 1.0 on a logarithmic scale, goals as green marks. Gives the lower edge."""
    rows = [(f"{s['label']} ({r['members']:,})", s) for r in results for s in (summary(r),)]
    rows += [(f"{row['label']} *", row) for row in by_row(results)]
    values = [v for _, s in rows for v in (s["ratio"], *s["goals"])] + [1.0]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values) * 1.05))
    high = max(high, low + 1)

    def x(value):
        return LEFT + (math.log10(value) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    drawing.text(12, top + 18, "Time, ours ÷ theirs (left of 1× ours is faster)", size=14)
    top, bottom = top + 34, top + 34 + STEP * len(rows)
    for power in range(low, high + 1):
        drawing.line(x(10**power), top, x(10**power), bottom, INK if power == 0 else "#ddd")
        drawing.text(x(10**power), bottom + 15, f"{10.0**power:g}×", "middle", 11, PALE)
    for at, (label, s) in enumerate(rows):
        y, (start, end) = top + at * STEP, sorted((x(1), x(s["ratio"])))
        drawing.text(LEFT - 8, y + 16, label, "end", 11)
        drawing.box(start, y + 5, end - start, STEP - 10, BAR if s["ratio"] <= 1 else SLOW)
        for number, mark in enumerate(s["goals"]):
            drawing.line(x(mark), y + 2, x(mark), y + STEP - 2, GOAL, 2.4 if number == 0 else 1.2)
        reached = f", goal {short(s['goals'][0])}" if s["goals"] else ""
        drawing.text(WIDTH - RIGHT + 10, y + 16, f"{short(s['ratio'])}{reached}", size=11)
    drawing.text(12, bottom + 32, "Green: the goal (thick) and what comes then (thin). Medians of the pairs' ratios."
                 + (" * medians per row at different sizes, no pairs." if by_row(results) else ""), size=11, fill=PALE)
    return bottom + 44


def human(value):
    for limit, unit in ((1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.3g}"


def panel(drawing, left, top, title, series, marks=()):
    """Lines over the number of members (logarithmic) from zero up. `series`: step and engine to a list of (members, value)."""
    width, height = 330, 150
    drawing.text(left, top + 14, title, size=13)
    x0, y0 = left + 44, top + 24 + height
    every = [point for points in series.values() for point in points]
    if not every:
        return
    sizes = sorted({members for members, _ in every})
    most = max([value for _, value in every] + [value for value, _ in marks]) * 1.1 or 1
    span = math.log(sizes[-1] / sizes[0]) or 1

    def at(members, value):
        return x0 + math.log(members / sizes[0]) / span * (width - 60), y0 - value / most * height

    for part in (0, 0.5, 1):
        y = y0 - part / 1.1 * height
        drawing.line(x0, y, x0 + width - 60, y, "#ddd")
        drawing.text(x0 - 6, y + 4, human(part * most / 1.1), "end", 10, PALE)
    for members in sizes:
        drawing.text(at(members, 0)[0], y0 + 14, human(members), "middle", 10, PALE)
    for value, said in marks:
        y = at(sizes[0], value)[1]
        drawing.line(x0, y, x0 + width - 60, y, GOAL, 1.2, "4 3")
        drawing.text(x0 + width - 60, y - 3, said, "end", 10, GOAL)
    for number, ((step, engine), points) in enumerate(sorted(series.items())):
        dashed = engine == "postgres"
        drawing.path([at(*point) for point in sorted(points)], LINES[step], "5 3" if dashed else "")
        x, y = x0 + (number % 3) * 105, y0 + 30 + number // 3 * 13
        drawing.text(x, y, f"{'╌' if dashed else '─'} {step}, {engine}", size=10, fill=LINES[step])


def scale_panels(drawing, runs, top):
    """Rate and memory of `benches/scale` runs, as `{"engine", "members", "steps": {name: {...}}}`."""
    engines = sorted({run["engine"] for run in runs})

    def series(key, *steps):
        out = {}
        for engine in engines:
            for step in steps:
                points = [(run["members"], run["steps"][step][key]) for run in runs
                          if run["engine"] == engine and run["steps"].get(step, {}).get(key) is not None]
                if points:
                    out[step, engine] = points
        return out

    sizes = [run["members"] for run in runs]
    drawing.text(12, top + 18, f"{human(min(sizes))} to {human(max(sizes))} members, ours alone", size=14)
    top += 30
    panel(drawing, 20, top, "rows a second", series("rate", "import", "export"))
    panel(drawing, 440, top, "peak memory, MiB (argon2's 64 in it)", series("peak_mib", "import", "export", "deep"),
          [(100, "goal for export")])
    panel(drawing, 20, top + 240, "seconds", series("seconds", "verify", "deep", "doctor"))
    panel(drawing, 440, top + 240, "look-up, seconds (a whole process)", series("seconds", "look-up"))
    return top + 480


def draw(path, results=(), runs=()):
    drawing = Drawing(WIDTH, 0)
    bottom = 0
    if results:
        bottom = bars(drawing, results, bottom)
    if runs:
        bottom = scale_panels(drawing, runs, bottom)
    drawing.height = bottom + 8
    with open(path, "w") as file:
        file.write(drawing.svg())
