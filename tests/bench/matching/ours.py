"""Our engine, measured: `total_s` from columns in memory to the matching, as the peers are.

`solve_s` is the deferred acceptance in it, with its reading on of lists. Apart are told `certificate_s`
(every possible pair is looked at again) and `rescue_s`, with whom it placed and moved; the other
figures are those of the matching before it; the largest sizes are measured without a rescue. `mean_rank` counts every mentor with a free seat who fits.
"""

import statistics
from time import perf_counter
from typing import Any

import numpy as np

from services.matching.domain.acceptance import NOBODY
from services.matching.domain.engine import ColumnarEngine, Solved, mentors_order
from services.matching.domain.paths import Way
from services.matching.domain.rescue import rescue
from shared.events.programmes import ScoreWeights
from tests.bench.matching.memory import peak_mb
from tests.bench.population import NOW, a_pool

METHODS: dict[str, Way] = {"common-ground": "fastest", "common-ground-numpy": "numpy"}
NUMPY_MOST_PEOPLE = 20_000
_MOST_REPEATED = 100_000
RESCUED_MOST_PEOPLE = 100_000
"""Ten times as many people took the rescue more than half an hour: it looks at pairs of whole levels."""
SEED = 1
WEIGHTS = ScoreWeights()


def measure(people: int, supply: str, method: str, runs: int) -> dict[str, Any]:
    """One row of `matching.json`; the times are medians of `runs`, or of 1 where that is long."""
    runs = 1 if people > _MOST_REPEATED else runs
    engine, pool = ColumnarEngine(way=METHODS[method]), a_pool(people, SEED, supply)
    before_mb = peak_mb()
    if METHODS[method] == "fastest":  # loads what was compiled before, or compiles it
        ColumnarEngine(way="compiled").match(a_pool(100), WEIGHTS, SEED, NOW)
    totals, solves = [], []
    for _ in range(runs):
        started = perf_counter()
        found = engine.match(pool, WEIGHTS, SEED, NOW)
        totals.append(perf_counter() - started)
    peak = peak_mb()
    for _ in range(runs):
        lists = found.path.first_lists(engine.list_length)
        order = mentors_order(pool, found.draws, lists, engine.need_depth, NOW)
        started = perf_counter()
        found.path.accept(lists, order)
        solves.append(perf_counter() - started)
    started = perf_counter()
    blocking_pairs, ranks = found.path.check(found.priorities, found.matching)
    checked = perf_counter()
    placed = found.matching.mentor_of != NOBODY
    return {
        "people": people,
        "method": method,
        "supply": supply,
        "total_s": round(statistics.median(totals), 4),
        "solve_s": round(statistics.median(solves), 5),
        "peak_mb": round(peak),
        "before_mb": round(before_mb),
        "runs": runs,
        "placed": int(placed.sum()),
        "mean_score": round(float(found.matching.points[placed].mean()), 1),
        "mean_rank": round(float(ranks[placed].mean()), 2),
        "blocking_pairs": blocking_pairs,
        "certificate_s": round(checked - started, 3),
        **(_of_rescue(found) if people <= RESCUED_MOST_PEOPLE else {}),
    }


def _of_rescue(found: Solved) -> dict[str, Any]:
    started = perf_counter()
    rescued = rescue(found.pairs, found.matching)
    return {
        "rescue_s": round(perf_counter() - started, 3),
        "rescued": len(rescued.rescued),
        "moved": len(rescued.moved),
        "most_lost": int(np.max(rescued.before - rescued.after, initial=0)),
        "peak_mb_with_rescue": round(peak_mb()),
    }


def methods(people: int) -> list[str]:
    """The ways that are quick enough for so many people."""
    return [one for one in METHODS if METHODS[one] != "numpy" or people <= NUMPY_MOST_PEOPLE]
