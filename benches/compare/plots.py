#!/usr/bin/env python3
"""Writes the results of compare.py and scale.py into benches/README.md, and draws them as SVG, into doc/bench: `make bench-plots`."""

import json
import sys

import lab

try:
    import matplotlib
except ImportError:
    sys.exit("the plots need matplotlib, which is not installed (make bench-peers)")

matplotlib.use("svg")
# The same results give the same file.
matplotlib.rcParams.update({"svg.hashsalt": "zmd", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False})

from matplotlib import pyplot  # noqa: E402

DIRECTORY = lab.ROOT / "doc/bench"
OURS, OTHERS = "#c2410c", "#64748b"


def read(name):
    file = lab.LAB / f"{name}.json"
    return json.loads(file.read_text()) if file.exists() else None


def save(figure, name):
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    figure.tight_layout()
    figure.savefig(DIRECTORY / f"{name}.svg", metadata={"Date": None})
    print(DIRECTORY / f"{name}.svg")


def peers(results):
    """Bars: a warm query, a process with one query, memory. Logarithmic, for they differ by a factor of a thousand."""
    rows = list(results["peers"].items())[::-1]
    labels = [row["label"] for _, row in rows]
    colors = [OURS if name in ("zmd", "ctypes", "package") else OTHERS for name, _ in rows]
    panels = [
        ("warm_wall", "warm query, us", 1000, "{:,.0f}"),
        ("life", "a process with one query, ms", 1, "{:,.0f}"),
        ("memory", "peak memory, MB", 1, "{:,.1f}"),
    ]
    figure, axes = pyplot.subplots(1, len(panels), figsize=(10, 0.32 * len(rows) + 1), sharey=True)
    for axis, (key, title, factor, form) in zip(axes, panels):
        values = [row.get(key, 0) * factor for _, row in rows]
        bars = axis.barh(labels, values, color=colors)
        axis.bar_label(bars, [form.format(value) for value in values], padding=2, fontsize=8)
        axis.set_xscale("log")
        axis.set_xlim(right=max(values) * 5)
        axis.set_title(title, fontsize=9)
        axis.tick_params(axis="x", labelsize=7)
    save(figure, "peers")


def scale(results):
    """Curves: queries a second by threads, and the time of the calls for many jobs over the ideal."""
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 3.2))
    for name, lines in results["threads"].items():
        left.plot([line["threads"] for line in lines], [line["per_second"] for line in lines], marker="o",
                  color=OURS if name == "zmd" else OTHERS, label={"zmd": "libzmd, one client", "curl": "libcurl, a handle each"}[name])  # fmt: skip
    left.set_xscale("log", base=2)
    left.set_xticks([line["threads"] for line in next(iter(results["threads"].values()))])
    left.xaxis.set_major_formatter("{x:.0f}")
    left.set_ylim(bottom=0)
    left.set_xlabel("threads")
    left.set_title("queries a second", fontsize=9)
    left.legend(frameon=False)
    for call, style in (("status_many", "-"), ("wait_many", "--")):
        for pause, color in ((1, "#94a3b8"), (20, OTHERS), (100, OURS)):
            lines = [line for line in results["many"] if (line["call"], line["pause_ms"], line["in_flight"]) == (call, pause, 100)]
            if lines:
                right.plot([line["jobs"] for line in lines], [line["seconds"] / line["ideal"] for line in lines], style,
                           marker="o", color=color, label=f"{call}, {pause} ms")  # fmt: skip
    right.axhline(1.05, color="black", linewidth=0.5)
    right.set_xscale("log")
    right.set_yscale("log")
    right.yaxis.set_major_formatter("{x:.1f}")
    right.yaxis.set_minor_formatter("{x:.1f}")
    right.tick_params(axis="y", which="both", labelsize=7)
    right.set_xlabel("jobs, 100 calls in flight")
    right.set_title("time, as a multiple of the ideal", fontsize=9)
    right.legend(frameon=False, fontsize=7)
    save(figure, "scale")


def write(name):
    """The tables, with the date and the machine, as they were printed."""
    page = lab.ROOT / "benches/README.md"
    before, begin, rest = page.read_text().partition(f"<!-- {name}: ")
    note, end, rest = rest.partition(" -->\n")
    _, mark, after = rest.partition("<!-- End. -->")
    page.write_text(f"{before}{begin}{note}{end}\n{(lab.LAB / f'{name}.md').read_text()}\n{mark}{after}")


def main():
    drawn = [("compare", peers), ("scale", scale)]
    drawn = [(name, read(name), draw) for name, draw in drawn]
    if not any(results for _, results, _ in drawn):
        sys.exit(f"there are no results in {lab.LAB}: make bench, make bench-scale")
    for name, results, draw in drawn:
        if results:
            write(name)
            draw(results)


if __name__ == "__main__":
    main()
