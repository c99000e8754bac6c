"""How cost grows with the number of people: seconds and megabytes, both axes logarithmic, as SVG."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure


def draw(rows: Sequence[dict[str, Any]], supply: str, path: Path) -> None:
    """One line for each method that was measured at that supply."""
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    pictures = (
        ("total_s", "Scoring and solving", "seconds"),
        ("solve_s", "Solving alone", "seconds"),
        ("peak_mb", "Peak of memory", "MB"),
    )
    for place, (field, title, unit) in enumerate(pictures, start=1):
        axes = figure.add_subplot(1, 3, place)
        for method in dict.fromkeys(row["method"] for row in rows):
            points = sorted(
                (row["people"], row[field])
                for row in rows
                if row["method"] == method and row["supply"] == supply and row.get(field)
            )
            if points:
                axes.plot(*zip(*points, strict=True), marker="o", markersize=4, label=method)
        axes.set(title=title, xscale="log", yscale="log", xlabel="people", ylabel=unit)
        axes.grid(visible=True, which="major", alpha=0.3)
    figure.axes[0].legend(fontsize="x-small")
    figure.savefig(path, metadata={"Date": None})
