"""Benchmark of the matching engine: `python -m tests.bench.matching --people 3300,20000`.

Writes `var/bench/matching.json`: one entry for each size and supply. `total_s` is a whole round
with reasons, waiting and certificate; `solve_s` the deferred acceptance in it, with its reading on
of lists; `mean_rank` counts every mentor with a free seat who fits a mentee.
"""

import argparse
import json
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any

from services.matching.domain import acceptance, candidates, certificate
from services.matching.domain.engine import NumpyEngine, draw, mentors_order
from services.matching.domain.pairs import Pairs
from services.matching.domain.pool import Pool
from tests.bench.population import SUPPLY, a_round

OUT = Path("var/bench/matching.json")
SEED = 1


def measure(people: int, supply: str) -> dict[str, Any]:
    """One size, in a process of its own, so that the peak of memory is its own too."""
    round_input = a_round(people, SEED, supply)
    engine = NumpyEngine()
    started = perf_counter()
    result = engine.solve(round_input)
    total = perf_counter() - started
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    solve, mean_rank = steps(round_input, engine)
    scores = [pairing.score for pairing in result.pairings]
    return {
        "people": people,
        "method": "numpy",
        "supply": supply,
        "total_s": round(total, 3),
        "solve_s": round(solve, 3),
        "peak_mb": round(peak_mb),
        "placed": len(scores),
        "mean_score": round(sum(scores) / max(1, len(scores)), 1),
        "mean_rank": round(mean_rank, 2),
        "blocking_pairs": result.certificate.blocking_pairs,
    }


def steps(round_input: Any, engine: NumpyEngine) -> tuple[float, float]:
    """The seconds of the acceptance alone, and the mean rank of the mentors whom mentees got."""
    pool = Pool.of(round_input)
    pairs = Pairs(pool, round_input.weights)
    draws = draw(pool, round_input.seed)
    with told("lists"):
        lists, _ = candidates.first_lists(pairs, draws, engine.list_length)
    order = mentors_order(pool, draws, lists.mentors[:, : engine.need_depth], round_input)
    started = perf_counter()
    more = partial(candidates.more, pairs, draws, lists, order)
    with told("acceptance"):
        matching = acceptance.accept(lists, order, pool.free_seats, more)
    solve = perf_counter() - started
    with told("certificate"):
        _, ranks = certificate.check(pairs, draws, order, matching)
    placed = ranks[ranks > 0]
    return solve, float(placed.mean()) if len(placed) else 0.0


@contextmanager
def told(step: str) -> Iterator[None]:
    """Says on stderr how long a step took."""
    started = perf_counter()
    yield
    sys.stderr.write(f"  {step}: {perf_counter() - started:.3f} s\n")


def main() -> None:
    """Measures every size asked for and writes the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", default="3300,20000", help="sizes, with commas")
    parser.add_argument("--supply", default="usual", help=f"of {', '.join(SUPPLY)}, with commas")
    asked = parser.parse_args()
    found = []
    for people in map(int, asked.people.split(",")):
        for supply in asked.supply.split(","):
            with get_context("spawn").Pool(1) as process:
                found.append(process.apply(measure, (people, supply)))
            sys.stdout.write(json.dumps(found[-1]) + "\n")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
