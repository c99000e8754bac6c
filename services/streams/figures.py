"""What streams tells operators in figures: how far the journal is."""

from typing import Final

from services.streams.store.journal import Journal
from shared.observability.metrics import Described, Metrics, Values

_FRESH_FOR_S: Final = 5.0


def tell_of(journal: Journal, metrics: Metrics) -> None:
    """Adds what storage knows of the whole service."""

    async def position() -> Values:
        return {(): await journal.last_position()}

    metrics.measure(
        Described("journal_position", "The position of the journal's last entry"),
        position,
        fresh_for_s=_FRESH_FOR_S,
    )
