"""plots.py - bars of ratios and lines over sizes, as SVG that follows the reader's light or dark colours."""
import math
from xml.sax.saxutils import escape

WIDTH = 860
COLOURS = {  # light, dark: told apart by those who see red and green alike
    "asof": ("#0072b2", "#4aa3df"), "DuckDB": ("#d98c00", "#e69f00"), "Polars": ("#2a9fd8", "#56b4e9"),
    "Feast": ("#00805e", "#2ebd94"), "mlforge": ("#b0568a", "#d58bb4"), "other": ("#7a7a7a", "#a0a0a0"),
}
ORDER = list(COLOURS)


def colour(arm):
    return next((name for name in ORDER if arm == name or arm.startswith(name + " ")), "other")


def style():
    light = "".join(f".{name}{{fill:{pair[0]};stroke:{pair[0]}}}" for name, pair in COLOURS.items())
    dark = "".join(f".{name}{{fill:{pair[1]};stroke:{pair[1]}}}" for name, pair in COLOURS.items())
    return ("<style>text{font:13px system-ui,'Segoe UI',Helvetica,Arial,sans-serif;fill:#1f2328}"
            ".title{font-size:16px;font-weight:600}.small{font-size:12px;fill:#59636e}.bold{font-weight:600}"
            ".page{fill:#ffffff}.grid{stroke:#d8dee4;stroke-width:1}.axis{stroke:#59636e;stroke-width:1.5}"
            + light + ".line{fill:none!important;stroke-width:2.5}"
            "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9198a1}.page{fill:#0d1117}"
            ".grid{stroke:#2b3138}.axis{stroke:#9198a1}" + dark + "}</style>")


def document(height, title, parts):
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH}" height="{height:.0f}"'
        f' role="img" aria-label="{escape(title)}">', style(), f'<rect class="page" width="{WIDTH}" height="{height:.0f}"/>',
        f'<text class="title" x="20" y="30">{escape(title)}</text>', *parts, "</svg>", ""])


def text(x, y, words, anchor="start", kind=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{escape(words)}</text>'


def line(x1, y1, x2, y2, kind):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def times(value):
    return f"{value:.0f}×" if value >= 20 else f"{value:.1f}×"


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def steps(low, high):
    """1, 2, 5, 10 .. within what is drawn."""
    marks = (digit * 10.0**power for power in range(-3, 7) for digit in (1, 2, 5))
    return [mark for mark in marks if low <= mark <= high]


def bars(title, below, groups):
    """Ratios on a logarithmic scale from 1, which is asof: [(group, [(workload, arm, ratio)])]."""
    left, right, top = 300, WIDTH - 70, 62
    ratios = [ratio for _, rows in groups for _, _, ratio in rows]
    low, high = min([0.8, *ratios]) / 1.1, max([4, *ratios]) * 1.1
    at = lambda ratio: left + (right - left) * math.log(ratio / low) / math.log(high / low)
    parts, y = [], top
    for group, rows in groups:
        parts.append(text(20, y + 14, group, kind="bold"))
        y += 22
        for workload, arm, ratio in rows:
            x1, x2 = sorted((at(1), at(ratio)))
            parts.append(text(left - 10, y + 13, f"{workload}, {arm}", "end"))
            parts.append(f'<rect class="{colour(arm)}" x="{x1:.1f}" y="{y + 2}" width="{max(x2 - x1, 1):.1f}" height="14"/>')
            parts.append(text(max(x2, at(1)) + 6, y + 13, times(ratio), kind="bold"))
            y += 20
        y += 10
    grid = []
    for mark in steps(low, high):
        grid.append(line(at(mark), top, at(mark), y, "axis" if mark == 1 else "grid"))
        grid.append(text(at(mark), y + 16, f"{mark:g}×", "middle", "small"))
    parts.append(text(20, y + 40, below, kind="small"))
    return document(y + 54, title, grid + parts)


def lines(title, x_title, y_title, series, x_name):
    """{arm: [(x, y)]}: x on a logarithmic scale, marked where there are points; y from zero."""
    left, right, top, bottom = 80, WIDTH - 150, 62, 330
    xs = sorted({x for points in series.values() for x, _ in points})
    high = max(y for points in series.values() for _, y in points) * 1.1
    span = math.log(xs[-1] / xs[0]) or 1.0
    at_x = lambda x: left + 20 + (right - left - 40) * math.log(x / xs[0]) / span
    at_y = lambda y: bottom - (bottom - top) * y / high
    parts = [text(left, top - 12, y_title, kind="small"), text((left + right) / 2, bottom + 42, x_title, "middle", "small")]
    for mark in linear_steps(high):
        parts += [line(left, at_y(mark), right, at_y(mark), "axis" if mark == 0 else "grid"),
                  text(left - 8, at_y(mark) + 4, f"{mark:g}", "end", "small")]
    parts += [text(at_x(x), bottom + 20, x_name(x), "middle", "small") for x in xs]
    for arm, points in series.items():
        path = " ".join(f"{'L' if i else 'M'}{at_x(x):.1f} {at_y(y):.1f}" for i, (x, y) in enumerate(sorted(points)))
        parts.append(f'<path class="{colour(arm)} line" d="{path}"/>')
        for x, y in points:
            parts.append(f'<circle class="{colour(arm)}" cx="{at_x(x):.1f}" cy="{at_y(y):.1f}" r="4"/>')
            others = [other_y for other in series.values() for other_x, other_y in other if other_x == x]
            parts.append(point_label(at_x(x), at_y(y), number(y), len(others) > 1 and y == min(others), bottom))
        x, y = max(points)
        parts.append(text(at_x(x) + 14, at_y(y) + 4, arm, kind="bold"))
    return document(bottom + 60, title, parts)


def point_label(x, y, words, is_lowest, bottom):
    """Above its point; below it where another is above; to its right where the axis is near."""
    if not is_lowest:
        return text(x, y - 10, words, "middle", "small")
    if y + 20 < bottom:
        return text(x, y + 20, words, "middle", "small")
    return text(x + 9, y + 15, words, "start", "small")


def linear_steps(high):
    step = next(step for power in range(-3, 8) for step in (10.0**power, 2 * 10.0**power, 5 * 10.0**power)
                if high / step <= 6)
    return [step * i for i in range(int(high / step) + 1)]
