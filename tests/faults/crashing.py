"""Runs one service as `python -m services.<name>` does, and kills it at a named point when told to.

    python -m tests.faults.crashing followup

The product has no hooks: here the steps of its pipeline are wrapped from outside. A plan in a file
(`World.crash`, `World.bug`) says what is to happen; the file goes before the process does, so the life
after it is an ordinary one. Without a plan nothing is different.
"""

import asyncio
import json
import os
import runpy
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zlib import crc32

from deploy.local.engines import SERVICES
from shared import runtime
from shared.events.wire import Event, Record
from shared.messaging.consumption import Consumption
from shared.messaging.reactions import Pipeline, Reaction
from shared.messaging.relay import Relay
from shared.observability.traces import OFF, Traces
from shared.storage.aggregates import Aggregates
from tests.faults import defects
from tests.faults.skew import wrap_clock

PLANS: Final = "PLANS"
"""The setting that names the folder of the plans."""

POINTS: Final = {
    "fetched": "a batch was taken from Kafka, nothing of it is written",
    "written": "a batch of changes is written, the relay has not heard of it",
    "published": "Kafka has acknowledged events, the outboxes still hold them",
    "fenced": "the next transaction under a lease is about to be written",
    "handled": "a batch is written and published, its offsets are not committed",
    "replied": "a request's effects are written, its answer of 2xx has not begun",
}

_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Bug(Exception):
    """The handler has a bug, for as long as the plan says so."""


def command(service: str) -> tuple[str, ...]:
    """The command that runs this service under this launcher."""
    return (sys.executable, "-m", "tests.faults.crashing", service)


def plan_file(folder: Path, name: str) -> Path:
    """Where the plan for one process lies."""
    return folder / f"{name}.plan.json"


class Plan:
    """What is to happen in this process; read anew each time, since it may change at any moment."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._passed = 0

    def read(self) -> dict[str, Any]:
        """The plan, empty if there is none."""
        try:
            read: dict[str, Any] = json.loads(self._file.read_text())
        except FileNotFoundError:
            return {}
        return read

    def pass_by(self, point: str) -> None:
        """Counts, and kills or freezes this process without a word when its time has come."""
        plan = self.read()
        number = {plan.get("freeze"): signal.SIGSTOP, plan.get("crash"): signal.SIGKILL}.get(point)
        if number is None:
            return
        self._passed += 1
        if self._passed >= plan["at"]:
            self._passed = 0
            self._file.unlink()
            os.kill(os.getpid(), number)

    def must_fail(self, event: Event[Any], where: str) -> None:
        """Raises `Bug` if this is what the handler cannot stand at that place."""
        plan = self.read()
        if plan.get("bug") != event.payload.wire_name or plan["where"] != where:
            return
        if crc32(event.subject.encode()) % 1_000 / 1_000 < plan["share"]:
            raise Bug


def wrap_steps(plan: Plan) -> None:
    """Puts the plan's points between the steps of the pipeline."""
    handle, write, clear = Consumption.handle, Aggregates._write, Relay._clear
    change, serve = Aggregates.change, runtime.run

    class Answering:
        """Outside of everything else that answers."""

        def __init__(self, app: Any) -> None:
            self._app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            async def sending(message: Any) -> None:
                if scope.get("method") in _WRITES and message.get("status", 500) < 300:
                    plan.pass_by("replied")
                await send(message)

            await self._app(scope, receive, sending)

    async def handling(self: Consumption, records: Sequence[Record]) -> None:
        plan.pass_by("fetched")
        await asyncio.sleep(plan.read().get("delay", {}).get(records[0].topic, 0.0))
        await handle(self, records)
        plan.pass_by("handled")

    async def writing(self: Aggregates[Any], documents: Any, *more: Any) -> set[str]:
        lost = await write(self, documents, *more)
        if documents:
            plan.pass_by("written")
        return lost

    async def changing(
        self: Aggregates[Any], changes: Any, *, fence: Any = None, known: Any = None
    ) -> Any:
        if fence is not None:
            plan.pass_by("fenced")
        return await change(self, changes, fence=fence, known=known)

    async def clearing(self: Relay, *what: Any) -> None:
        plan.pass_by("published")
        await clear(self, *what)

    def serving(app: Any, settings: Any) -> None:
        app.add_middleware(Answering)
        serve(app, settings)

    Consumption.handle = handling  # type: ignore[method-assign]
    Aggregates._write = writing  # type: ignore[method-assign, assignment]
    Aggregates.change = changing  # type: ignore[method-assign]
    Relay._clear = clearing  # type: ignore[method-assign, assignment]
    runtime.run = serving


def wrap_handlers(plan: Plan) -> None:
    """Gives every handler the bug that the plan names, in its decisions or around them."""
    begin, apply = Consumption.__init__, Pipeline.apply

    def beginning(
        self: Consumption,
        group: str,
        letters: Any,
        clock: Any,
        use_case: Callable[[Sequence[Event[Any]]], Awaitable[None]],
        traces: Traces = OFF,
    ) -> None:
        async def failing(batch: Sequence[Event[Any]]) -> None:
            for event in batch:
                plan.must_fail(event, "use case")
            await use_case(batch)

        begin(self, group, letters, clock, failing, traces)

    async def applying(
        self: Pipeline, batch: Sequence[Event[Any]], reaction: Reaction[Any]
    ) -> None:
        def failing(state: Any, event: Event[Any], now: datetime) -> Any:
            plan.must_fail(event, "decision")
            return reaction.decide(state, event, now)

        await apply(self, batch, replace(reaction, decide=failing))

    Consumption.__init__ = beginning  # type: ignore[method-assign]
    Pipeline.apply = applying  # type: ignore[method-assign]


def main() -> None:
    """Wraps, then is the service."""
    (service,) = sys.argv[1:]
    if service not in SERVICES:
        raise SystemExit(f"no service is called {service!r}: choose one of {', '.join(SERVICES)}")
    plan = Plan(plan_file(Path(os.environ[PLANS]), os.environ["INSTANCE"].removesuffix("-1")))
    wrap_steps(plan)
    wrap_handlers(plan)
    wrap_clock(plan)
    defects.put_in(name for name in os.environ.get("DEFECTS", "").split(",") if name)
    sys.argv = [f"services.{service}"]
    runpy.run_module(f"services.{service}", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
