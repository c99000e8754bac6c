"""Events in: every stream but `contacts` goes into the journal."""

from services.streams.domain.entries import JOURNALED
from services.streams.rights import JournalData
from services.streams.service import Streams
from shared.events.streams import RIGHTS
from shared.runtime import Batch, Runtime


def subscribe(runtime: Runtime, streams: Streams, data: JournalData) -> None:
    """Subscribes the journal to all that it may keep. Requests are answered beside that."""
    answer = runtime.answer_for(data)
    for stream in JOURNALED:
        if stream is not RIGHTS:
            runtime.on(stream)(streams.append)

    @runtime.on(RIGHTS)
    async def on_rights(batch: Batch) -> None:
        await streams.append(batch)
        await answer(batch)
