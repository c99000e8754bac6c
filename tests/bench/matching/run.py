"""What `python -m tests.bench.matching` does.

Writes `matching.json` (one row for each size, supply and method), `latency.json`, `quality.json` and
`matching.svg` into var/bench, and says which goals were reached. Every row is measured in a fresh child process, so
that its peak of memory is its own.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table

from tests.bench.matching import goals, latency, ours, peers, plot, quality
from tests.bench.population import SUPPLY

OUT = Path("var/bench")
COLUMNS = (
    "people", "supply", "method", "total_s", "solve_s", "peak_mb", "placed", "mean_score",
    "mean_rank", "blocking_pairs", "runs",
)  # fmt: skip
OF_QUALITY = (
    "supply", "way", "placed", "mentees", "mean_score", "mean_rank", "worst_tenth",
    "worst_tenth_placed", "other_share", "host_share", "moved", "mean_lost", "most_lost", "rescue_s",
)  # fmt: skip

Found = TypeVar("Found")
console = Console(width=180)


def in_a_child(measure: Callable[..., Found], *arguments: Any) -> Found:
    """What `measure` returns when a new process runs it."""
    with get_context("spawn").Pool(1) as process:
        return process.apply(measure, arguments)


def speed(sizes: Sequence[int], supplies: Sequence[str], runs: int) -> list[dict[str, Any]]:
    """Ours and every peer that is quick enough for a size."""
    found = []
    for people in sizes:
        for supply in supplies:
            for method in ours.methods(people):
                found.append(in_a_child(ours.measure, people, supply, method, runs))
                console.print_json(json.dumps(found[-1]), indent=None)
            for method, peer in peers.PEERS.items():
                if people <= peer.most_people:
                    found.append(in_a_child(peers.measure, people, supply, method, runs))
                    console.print_json(json.dumps(found[-1]), indent=None)
    return found


def printed(title: str, columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """A table in the terminal."""
    table = Table(title=title)
    for column in columns:
        table.add_column(
            column, justify="left" if column in {"supply", "method", "way"} else "right"
        )
    for row in rows:
        table.add_row(*(_text(row.get(column)) for column in columns))
    console.print(table)


def _text(value: object) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def main() -> None:
    """Measures every size asked for, and writes and prints what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.matching", description=__doc__)
    parser.add_argument("--people", default="1000,5000,20000,100000,1000000", help="sizes")
    parser.add_argument("--supply", default="usual", help=f"of {', '.join(SUPPLY)}, with commas")
    parser.add_argument("--runs", type=int, default=3, help="the median of so many is told")
    parser.add_argument("--quality", type=int, default=5000, help="people of the quality table")
    parser.add_argument(
        "--newcomers", type=int, help="people beside one newcomer; the most if left"
    )
    parser.add_argument("--declines", type=int, default=100_000, help="people beside one decline")
    parser.add_argument("--count", type=int, default=2_000, help="newcomers and declines measured")
    asked = parser.parse_args()
    OUT.mkdir(parents=True, exist_ok=True)
    sizes = [int(size) for size in asked.people.split(",")]
    supplies = asked.supply.split(",")
    rows = speed(sizes, supplies, asked.runs)
    _write("matching.json", rows)
    printed("Speed: medians; peers score with our kernels", COLUMNS, rows)
    plot.draw(rows, supplies[0], OUT / "matching.svg")
    of_quality = [
        row
        for supply in ("usual", "scarce")
        for row in in_a_child(quality.table, asked.quality, supply)
    ]
    _write("quality.json", of_quality)
    printed(f"Quality at {asked.quality:,} people", OF_QUALITY, of_quality)
    of_one = [
        in_a_child(latency.newcomers, asked.newcomers or max(sizes), asked.count),
        in_a_child(latency.declines, asked.declines, asked.count),
    ]
    _write("latency.json", of_one)
    for supply in supplies:
        for line in goals.judged(rows, supply):
            console.print(f"{supply}: {line}")
    for line in goals.quick(of_one):
        console.print(line)


def _write(name: str, rows: Sequence[dict[str, Any]]) -> None:
    (OUT / name).write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
