"""Events in."""

from services.notifications.service import Notifications
from shared.events.payload import Stream
from shared.events.streams import MESSAGES
from shared.runtime import Batch, Runtime


def register(runtime: Runtime, notifications: Notifications) -> None:
    """Follows every stream that somebody may have to be told about; after a restore also its own."""
    for stream in notifications.follows:
        _follow(runtime, notifications, stream)
    runtime.recall(MESSAGES)(notifications.recall_messages)


def _follow(runtime: Runtime, notifications: Notifications, stream: Stream) -> None:
    @runtime.on(stream)
    async def on_stream(batch: Batch) -> None:
        await notifications.follow(stream, batch)
