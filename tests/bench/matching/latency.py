"""How long one newcomer and one decline take.

A newcomer is scored against all mentors, with everybody's columns in memory. A decline frees a seat,
which is filled along its chain, and a mentee, who asks anew. Each step is measured by itself, on a
matching of everybody: `ms` on the clock, `cpu_ms` of the processor, which others on the machine do
not lengthen.
"""

from collections.abc import Callable, Iterable
from time import perf_counter_ns, thread_time_ns
from typing import Any

import numpy as np

from services.matching.domain.acceptance import NOBODY
from services.matching.domain.candidates import Lists
from services.matching.domain.engine import ColumnarEngine, draw
from services.matching.domain.pairs import Pairs
from services.matching.domain.paths import path_of
from services.matching.domain.standing import Standing
from shared.events.programmes import ScoreWeights
from tests.bench.population import NOW, a_pool

SEED = 1


def newcomers(people: int, count: int) -> dict[str, Any]:
    """Milliseconds to score one mentee and to write her list of 32."""
    pool = a_pool(people, SEED)
    pairs = Pairs(pool, ScoreWeights())
    path = path_of(pairs, draw(pool, SEED), "fastest")
    lists = Lists.empty(len(pool.mentees), 32)
    rows = np.random.default_rng(SEED).choice(len(pool.mentees), count, replace=False)
    scored = _milliseconds(lambda row: path.write_lists(lists, np.array([row])), rows.tolist())
    return {"what": "newcomer", "people": people, "scored": scored}


def declines(people: int, count: int) -> dict[str, Any]:
    """Milliseconds for a decline: both are matched anew."""
    pool = a_pool(people, SEED)
    found = ColumnarEngine().match(pool, ScoreWeights(), SEED, NOW)
    lists = found.path.first_lists(32)
    standing = Standing(found.pairs, found.draws, found.path, found.priorities, lists)
    standing.begin(found.matching.mentor_of)
    standing.arrive(standing.away.tolist())
    matched = np.flatnonzero(standing.mentor_of != NOBODY)
    rows = np.random.default_rng(SEED).choice(matched, count, replace=False)
    freed = [row for row in rows.tolist() if standing.mentor_of[row] != NOBODY]
    chains = _milliseconds(standing.leave, freed)
    asked = _milliseconds(lambda row: standing.arrive([row]), freed)
    blocking, _ = found.path.check(found.priorities, standing.matching())
    return {
        "what": "decline",
        "people": people,
        "vacancy_chain": chains,
        "her_own_next": asked,
        "blocking_pairs": blocking,
    }


def _milliseconds(step: Callable[[int], Any], rows: Iterable[int]) -> dict[str, float]:
    times = []
    for row in rows:
        started, cpu = perf_counter_ns(), thread_time_ns()
        step(row)
        times.append((perf_counter_ns() - started, thread_time_ns() - cpu))
    # The first few load what is compiled.
    (p50, cpu50), (p99, cpu99) = np.percentile(np.array(times[10:]) / 1e6, (50, 99), axis=0)
    return {
        "p50_ms": round(float(p50), 3),
        "p99_ms": round(float(p99), 3),
        "p50_cpu_ms": round(float(cpu50), 3),
        "p99_cpu_ms": round(float(cpu99), 3),
        "count": len(times),
    }
