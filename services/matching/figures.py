"""What matching tells operators in figures: who waits, what is unanswered, how rounds do.

The figures from storage are those of the whole service, whichever instance tells them.
"""

from collections.abc import Callable
from typing import Final

from services.matching.domain.schedule import RoundRecord
from services.matching.store import Store
from shared.clock import Clock
from shared.observability.metrics import Described, Metrics, Values

_FRESH_FOR_S: Final = 30.0
_ROUND_BUCKETS_S: Final = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


def tell_of(store: Store, clock: Clock, metrics: Metrics) -> None:
    """Adds what storage knows."""

    async def waiting() -> Values:
        return {one.values: one.count for one in await store.tally_waiting()}

    async def longest_wait() -> Values:
        now = clock.now()
        return {
            one.values: (now - one.earliest).total_seconds()
            for one in await store.tally_waiting()
            if one.earliest is not None
        }

    async def unanswered() -> Values:
        return {one.values: one.count for one in await store.tally_unanswered()}

    async def oldest_unanswered() -> Values:
        now = clock.now()
        return {
            one.values: (now - one.earliest).total_seconds()
            for one in await store.tally_unanswered()
            if one.earliest is not None
        }

    async def late() -> Values:
        now = clock.now()
        return {
            (programme,): max(0.0, (now - known.round_at).total_seconds())
            if known.round_at
            else 0.0
            async for programme, known in store.programmes.find()
        }

    async def epochs() -> Values:
        return {(name,): epoch for name, epoch in (await store.lease_epochs()).items()}

    by_city = ("programme", "city", "role")
    by_status = ("programme", "status")
    for described, ask in (
        (Described("waiting_participants", "Who waits for a match", by_city), waiting),
        (
            Described("waiting_longest_seconds", "How long the longest has waited", by_city),
            longest_wait,
        ),
        (
            Described("proposals_unanswered", "Proposals not answered by both", by_status),
            unanswered,
        ),
        (
            Described(
                "proposals_unanswered_oldest_seconds", "Age of the oldest of them", by_status
            ),
            oldest_unanswered,
        ),
        (
            Described(
                "round_late_seconds", "How long a round has been due; 0 if none", ("programme",)
            ),
            late,
        ),
        (
            Described(
                "round_lease_epoch", "Goes up when another instance runs them", ("programme",)
            ),
            epochs,
        ),
    ):
        metrics.measure(described, ask, fresh_for_s=_FRESH_FOR_S)


def timing_rounds(metrics: Metrics) -> Callable[[RoundRecord], None]:
    """What is to be told of each round and top-up that is done."""
    durations = metrics.histogram(
        "round_duration_seconds",
        "From reading the pool to the last proposal written",
        "kind",
        buckets=_ROUND_BUCKETS_S,
    )
    proposed = metrics.counter("round_proposals_total", "Matches that rounds have made", "kind")

    def note(record: RoundRecord) -> None:
        durations.labels(record.kind.value).observe(record.seconds)
        proposed.labels(record.kind.value).inc(record.proposed)

    return note
