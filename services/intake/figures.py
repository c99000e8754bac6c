"""What intake tells operators in figures: how many take part, by where they stand."""

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
