"""What was promised of speed and memory, and whether the rows of a run keep it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

Row = dict[str, Any]
OURS: Final = "common-ground"
SAME_GRAPH: Final = "deferred-acceptance-k50"


@dataclass(frozen=True, slots=True)
class Faster:
    """`ours` takes at most one part in `times` of what `theirs` takes."""

    people: int
    field: str
    ours: str
    theirs: str
    times: int


@dataclass(frozen=True, slots=True)
class AtMost:
    """Our own row keeps below a limit."""

    people: int
    field: str
    limit: float


FASTER: Final = (
    Faster(5_000, "total_s", OURS, "matching-full", 1_000),
    Faster(5_000, "total_s", OURS, "matching-k32", 100),
    Faster(100_000, "solve_s", SAME_GRAPH, "ortools-k50", 50),
    Faster(100_000, "solve_s", SAME_GRAPH, "scipy-k50", 100),
)
AT_MOST: Final = (
    AtMost(100_000, "total_s", 5),
    AtMost(100_000, "peak_mb", 300),
    AtMost(1_000_000, "total_s", 300),
    AtMost(1_000_000, "peak_mb", 1_000),
)
QUICK: Final = (
    ("newcomer", 1_000_000, ("scored",), 5),
    ("decline", 100_000, ("vacancy_chain", "her_own_next"), 1),
)
"""What of one person, beside how many, in which steps, has a p99 of at most so many milliseconds."""


def judged(rows: Sequence[Row], supply: str) -> Iterator[str]:
    """A line for each goal of which this run measured both sides."""
    by_name = {(row["people"], row["method"]): row for row in rows if row["supply"] == supply}
    for faster in FASTER:
        one = by_name.get((faster.people, faster.ours))
        other = by_name.get((faster.people, faster.theirs))
        if one is not None and other is not None:
            times = other[faster.field] / max(1e-9, one[faster.field])
            yield (
                f"{_word(times >= faster.times)}: {faster.field} at {faster.people:,} people"
                f" {times:,.0f} times as fast as {faster.theirs} (goal {faster.times:,}):"
                f" {one[faster.field]} s against {other[faster.field]} s"
            )
    for at_most in AT_MOST:
        one = by_name.get((at_most.people, OURS))
        if one is not None:
            value = one[at_most.field]
            yield (
                f"{_word(value <= at_most.limit)}: {at_most.field} at {at_most.people:,} people"
                f" is {value:,} (goal at most {at_most.limit:,})"
            )


def quick(rows: Sequence[Row]) -> Iterator[str]:
    """A line for each step of one person, with its goal where it was measured beside that many."""
    goals = {(what, people): (steps, limit) for what, people, steps, limit in QUICK}
    for row in rows:
        steps, limit = goals.get((row["what"], row["people"]), ((), None))
        for step, told in row.items():
            if isinstance(told, dict):
                word = _word(told["p99_ms"] <= limit) if step in steps and limit else "measured"
                yield (
                    f"{word}: {row['what']} at {row['people']:,} people, {step}: p50"
                    f" {told['p50_ms']} ms, p99 {told['p99_ms']} ms"
                    f" (CPU {told['p99_cpu_ms']}{f'; goal {limit} ms' if limit else ''})"
                )


def _word(reached: bool) -> str:
    return "reached" if reached else "NOT reached"
