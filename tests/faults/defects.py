"""Deliberate defects, to see that the rows can see. Each takes away one thing that the promise rests on.

Put into a service by `tests.faults.crashing` before it starts; the product knows nothing of them.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from pymongo import IndexModel

from shared.events.wire import Record
from shared.messaging.consumption import Consumption
from shared.messaging.relay import Relay
from shared.runtime import Runtime
from shared.storage.aggregates import Aggregates
from shared.storage.documents import WorkingDocument


def no_dedupe() -> None:
    """What has been seen before is applied again."""
    settle = WorkingDocument._settle_by_mark

    def settling(self: WorkingDocument[Any], change: Any, event: Any) -> Any:
        outcome = settle(self, change, event)
        last, count = self.seen.get(event.stream.name, (0, 0))
        return None if count and event.sequence <= last else outcome

    WorkingDocument._settle_by_mark = settling  # type: ignore[method-assign]


def commit_before_write() -> None:
    """A batch is acknowledged as soon as it is taken, and handled afterwards."""
    handle = Consumption.handle
    handling: set[asyncio.Task[None]] = set()

    async def taking(self: Consumption, records: Sequence[Record]) -> None:
        async def later() -> None:
            await asyncio.sleep(0.3)
            await handle(self, records)

        task = asyncio.create_task(later())
        handling.add(task)
        task.add_done_callback(handling.discard)

    Consumption.handle = taking  # type: ignore[method-assign]


def clear_before_acknowledged() -> None:
    """The outbox is emptied first, and only then is it sent."""
    send = Relay._send

    async def sending(
        self: Relay, batch: Mapping[tuple[str, str], Mapping[str, dict[str, Any]]]
    ) -> None:
        for (collection, document_id), entries in batch.items():
            await self._clear(collection, [document_id], list(entries))
        await send(self, batch)

    Relay._send = sending  # type: ignore[method-assign]


def own_newest_entry_only() -> None:
    """A writer sends what it wrote itself last, of each stream, not the whole outbox."""
    newest = property(
        lambda document: list({entry["stream"]: entry for entry in document.new_entries}.values())
    )
    WorkingDocument.unsent = newest  # type: ignore[assignment, method-assign]


def no_unique_indexes() -> None:
    """The database no longer keeps what it should keep apart."""
    prepare = Aggregates.prepare

    async def preparing(self: Aggregates[Any]) -> None:
        self._indexes = [
            IndexModel(
                list(index.document["key"].items()),
                **{
                    name: of for name, of in index.document.items() if name not in ("key", "unique")
                },
            )
            for index in self._indexes
        ]
        await prepare(self)

    Aggregates.prepare = preparing  # type: ignore[method-assign]


def park_without_order() -> None:
    """Later events do not wait behind one that is parked."""
    settle = WorkingDocument._settle_by_mark

    def settling(self: WorkingDocument[Any], change: Any, event: Any) -> Any:
        parked, self.parked = self.parked, {}
        last, count = self.seen.get(event.stream.name, (0, 0))
        if count and event.sequence > last + 1:
            self.seen[event.stream.name] = [event.sequence - 1, count]
        outcome = settle(self, change, event)
        self.parked = {**parked, **self.parked}
        return outcome

    WorkingDocument._settle_by_mark = settling  # type: ignore[method-assign]


def nothing_recalled() -> None:
    """After a restore a service goes on, and does not take back what it has said since the backup."""
    go_on = Runtime._go_on_after_restore

    async def going_on(self: Runtime) -> None:
        self._recalls.clear()
        await go_on(self)

    Runtime._go_on_after_restore = going_on  # type: ignore[method-assign]


DEFECTS: Final[Mapping[str, Callable[[], None]]] = {
    defect.__name__: defect
    for defect in (
        no_dedupe,
        commit_before_write,
        clear_before_acknowledged,
        own_newest_entry_only,
        no_unique_indexes,
        park_without_order,
        nothing_recalled,
    )
}


def put_in(names: Iterable[str]) -> None:
    """Puts these defects into the process. Raises `KeyError` for one that is not known."""
    for name in names:
        DEFECTS[name]()
