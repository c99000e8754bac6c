"""Which journey the work at hand belongs to: the W3C trace context of this task, whoever asked for it.

Set for each request and for each event that is handled alone; events that are written meanwhile carry it
on, and log lines name it. It needs no tracing to be on: the trace id is what logs of five services have in
common.
"""

import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_FORM: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_batch: Final[ContextVar[tuple[str, str | None]]] = ContextVar("batch", default=("", None))
_current: Final[ContextVar[str | None]] = ContextVar("traceparent", default=None)


def traceparent() -> str | None:
    """The trace context of the work at hand, or None."""
    return _current.get()


def trace_id() -> str | None:
    """The id of the whole trace: 32 hexadecimal digits, or None."""
    current = _current.get()
    return current[3:35] if current else None


@contextmanager
def within(traceparent: str | None) -> Iterator[None]:
    """Whatever is done inside belongs to this trace context."""
    token = _current.set(traceparent)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def handling(group: str, correlation_ids: Iterable[str]) -> Iterator[None]:
    """A consumer handles a batch; it is somebody's journey if all of it has one correlation id."""
    journeys = set(correlation_ids)
    token = _batch.set((group, journeys.pop() if len(journeys) == 1 else None))
    try:
        yield
    finally:
        _batch.reset(token)


def described() -> dict[str, str]:
    """What log lines say of the work at hand: trace, consumer, correlation id, as far as known."""
    group, correlation_id = _batch.get()
    known = {"trace_id": trace_id(), "group": group, "correlation_id": correlation_id}
    return {name: value for name, value in known.items() if value}


def read(header: str) -> str | None:
    """What a request says of where it belongs; None if it says nothing that is well-formed."""
    return header if _FORM.fullmatch(header) else None


def begin() -> str:
    """A new trace context, not to be recorded by anybody."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
