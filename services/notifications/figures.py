"""What notifications tells operators in figures: what waits to be sent, and what came of the rest."""

from typing import Final

from services.notifications.sender import Sender
from services.notifications.store import Store
from shared.clock import Clock
from shared.observability.metrics import Described, Metrics, Values

_FRESH_FOR_S: Final = 15.0


def tell_of(store: Store, sender: Sender, clock: Clock, metrics: Metrics) -> None:
    """Adds what the sender counts, and what storage knows of the whole service."""

    async def unsent() -> Values:
        return {one.values: one.count for one in await store.tally_unsent()}

    async def oldest() -> Values:
        now = clock.now()
        return {
            one.values: (now - one.earliest).total_seconds()
            for one in await store.tally_unsent()
            if one.earliest is not None
        }

    metrics.count(
        Described(
            "mails_total",
            "Mails handed to the mail server by this process, by what it said: taken, refused, later "
            "(it surely does not have it), unsure (the connection broke)",
            ("result",),
        ),
        lambda: {(result.value,): n for result, n in sender.delivered.items()},
    )
    by_stage = ("stage",)
    metrics.measure(
        Described("messages_unsent", "Messages not sent yet, by stage", by_stage),
        unsent,
        fresh_for_s=_FRESH_FOR_S,
    )
    metrics.measure(
        Described("messages_unsent_oldest_seconds", "Age of the oldest of them", by_stage),
        oldest,
        fresh_for_s=_FRESH_FOR_S,
    )
