"""What streams tells operators in figures: how far the journal is, how many listen at its end, how webhooks fare."""

from typing import Final

from prometheus_client import Counter

from services.streams.store.journal import Journal
from services.streams.store.webhooks import Webhooks
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


def tell_of_webhooks(webhooks: Webhooks, metrics: Metrics) -> Counter:
    """Adds how many webhooks there are in each state; what counts the attempts by what came of them."""

    async def by_state() -> Values:
        return {(state,): count for state, count in (await webhooks.by_state()).items()}

    metrics.measure(
        Described("webhooks", "Webhooks of integrators by state", ("state",)),
        by_state,
    )
    return metrics.counter(
        "webhook_attempts_total", "Attempts to deliver to webhooks, by what came of them", "verdict"
    )
