"""What streams tells operators in figures: how far the journal is, and how many listen at its end."""

from typing import Final

from services.streams.store.journal import Journal
from services.streams.tail import Tail
from shared.observability.metrics import Described, Metrics, Values

_FRESH_FOR_S: Final = 5.0


def tell_of(journal: Journal, tail: Tail, metrics: Metrics) -> None:
    """Adds what storage knows of the whole service, and who listens in this process."""

    async def position() -> Values:
        return {(): await journal.last_position()}

    metrics.measure(
        Described("journal_position", "The position of the journal's last entry"),
        position,
        fresh_for_s=_FRESH_FOR_S,
    )

    async def listeners() -> Values:
        return {(): tail.listeners}

    metrics.measure(
        Described("journal_listeners", "Readers who listen at the journal's end in this process"),
        listeners,
    )
