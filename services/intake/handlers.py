"""Events in: each stream that intake follows, and its use case."""

from services.intake.service import Intake
from shared.events.streams import MATCHES
from shared.runtime import Batch, Runtime


def follow(runtime: Runtime, intake: Intake) -> None:
    """Subscribes intake to what it follows."""

    @runtime.on(MATCHES)
    async def on_matches(batch: Batch) -> None:
        await intake.follow_matches(batch)
