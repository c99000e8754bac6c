"""What followup tells operators in figures: who has not answered, and who asked for help.

The figures are those of the whole service, whichever instance tells them.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

from services.followup.store import Store
from shared.clock import Clock
from shared.observability.metrics import Described, Metrics, Values
from shared.storage.reading import Tallied

_FRESH_FOR_S: Final = 60.0
_BY_CITY: Final = ("programme", "city")

Ask: TypeAlias = Callable[[], Awaitable[Sequence[Tallied]]]


def tell_of(store: Store, clock: Clock, metrics: Metrics) -> None:
    """Adds what storage knows."""

    def counts(ask: Ask) -> Callable[[], Awaitable[Values]]:
        async def answer() -> Values:
            return {one.values: one.count for one in await ask()}

        return answer

    def ages(ask: Ask) -> Callable[[], Awaitable[Values]]:
        async def answer() -> Values:
            now = clock.now()
            return {
                one.values: (now - one.earliest).total_seconds()
                for one in await ask()
                if one.earliest is not None
            }

        return answer

    for described, answer in (
        (
            Described("mentorships_running", "Mentorships that have not ended", _BY_CITY),
            counts(store.tally_running),
        ),
        (
            Described("check_ins_overdue", "Check-ins that nobody settled in time", _BY_CITY),
            counts(store.tally_overdue),
        ),
        (
            Described("check_ins_overdue_oldest_seconds", "Age of the oldest of them", _BY_CITY),
            ages(store.tally_overdue),
        ),
        (
            Described("help_open", "Requests for help that nobody has handled", _BY_CITY),
            counts(store.tally_help),
        ),
        (
            Described("help_open_oldest_seconds", "Age of the oldest of them", _BY_CITY),
            ages(store.tally_help),
        ),
    ):
        metrics.measure(described, answer, fresh_for_s=_FRESH_FOR_S)
