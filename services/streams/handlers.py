"""Events in: every stream but `contacts` goes into the journal."""

from services.streams.domain.entries import JOURNALED
from services.streams.service import Streams
from shared.runtime import Runtime


def subscribe(runtime: Runtime, streams: Streams) -> None:
    """Subscribes the journal to all that it may keep."""
    for stream in JOURNALED:
        runtime.on(stream)(streams.append)
