"""What intake tells operators in figures: how many take part, and whose request waits."""

from typing import Final

from services.intake.store import Store
from shared.observability.metrics import Described, Metrics, Values

_FRESH_FOR_S: Final = 60.0


def tell_of(store: Store, metrics: Metrics) -> None:
    """Adds what storage knows of the whole service."""

    async def participants() -> Values:
        by = ("state.programme", "state.status")
        return {one.values: one.count for one in await store.participants.tally({}, by)}

    metrics.measure(
        Described("participants", "Participants by status", ("programme", "status")),
        participants,
        fresh_for_s=_FRESH_FOR_S,
    )

    async def requests() -> Values:
        by = ("state.kind",)
        open_ones = {"state.finished_at": None}
        return {one.values: one.count for one in await store.requests.tally(open_ones, by)}

    metrics.measure(
        Described("rights_unfinished", "Requests that a service has not answered", ("kind",)),
        requests,
        fresh_for_s=_FRESH_FOR_S,
    )
