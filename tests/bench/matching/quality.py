"""What each way of matching is worth to mentees, and to whom: the quality table.

All ways get every possible pair. `worst_tenth`: the mean score of the tenth of all mentees that got
least, those who wait counted as 0; `worst_tenth_placed`: of the tenth of those placed. `host_share`
and `other_share`: placed, of the mentees who speak the host language and of those who do not.
"""

from time import perf_counter
from typing import Any

import numpy as np

from services.matching.domain.acceptance import NOBODY
from services.matching.domain.engine import Solved
from services.matching.domain.pool import MICROSECONDS_A_DAY, microseconds
from services.matching.domain.priority import Priorities, waiting_points
from services.matching.domain.rescue import rescue
from tests.bench.matching.graph import graph_of
from tests.bench.matching.peers import case, matching_of, worth
from tests.bench.matching.solvers import Rows, greedy, ortools_flow
from tests.bench.population import HOST_LANGUAGE, NOW

WAYS = ("stable", "need-aware", "need-aware + rescue", "OR-Tools optimum", "greedy")


def table(people: int, supply: str) -> list[dict[str, Any]]:
    """One row for each way, all on one population."""
    found = case(people, supply)
    started = perf_counter()
    rescued = rescue(found.pairs, found.matching)
    rescue_s = round(perf_counter() - started, 3)
    graph, seats = graph_of(found.pairs, found.draws), found.pairs.pool.free_seats
    mentors = {
        "stable": without_need(found),
        "need-aware": found.matching.mentor_of,
        "need-aware + rescue": rescued.matching.mentor_of,
        "OR-Tools optimum": ortools_flow(graph, seats),
        "greedy": greedy(graph, seats),
    }
    of_rescue = {
        "rescue_s": rescue_s,
        "moved": len(rescued.moved),
        "most_lost": int((rescued.before - rescued.after).max(initial=0)),
        "mean_lost": round(float(np.mean(rescued.before - rescued.after)), 1)
        if len(rescued.moved)
        else 0.0,
    }
    return [
        {
            "people": people,
            "supply": supply,
            "way": way,
            **worth(found, mentors[way]),
            **for_whom(found, mentors[way]),
            **(of_rescue if way == "need-aware + rescue" else {}),
        }
        for way in WAYS
    ]


def without_need(found: Solved) -> Rows:
    """Stable too, but mentors do not prefer mentees who have few options."""
    days = (microseconds(NOW) - found.pairs.pool.mentees.since) // MICROSECONDS_A_DAY
    order = Priorities(points=waiting_points(days), tickets=found.priorities.tickets)
    return found.path.accept(found.path.first_lists(32), order).mentor_of


def for_whom(found: Solved, mentor_of: Rows) -> dict[str, Any]:
    """Shares of the mentees, and what those have who have least."""
    mentees = found.pairs.pool.mentees
    speaks = np.array([HOST_LANGUAGE in spoken for spoken in mentees.languages.values])
    host, placed = speaks[mentees.languages.of], mentor_of != NOBODY
    points = matching_of(found, mentor_of).points
    return {
        "mentees": len(mentor_of),
        "worst_tenth": _lowest_tenth(points),
        "worst_tenth_placed": _lowest_tenth(points[placed]),
        "host_share": round(float(placed[host].mean()), 4),
        "other_share": round(float(placed[~host].mean()), 4),
    }


def _lowest_tenth(points: np.ndarray[tuple[int], np.dtype[np.int16]]) -> float:
    tenth = np.sort(points)[: max(1, len(points) // 10)]
    return round(float(tenth.mean()), 1) if len(tenth) else 0.0
