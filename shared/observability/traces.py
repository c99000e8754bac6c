"""Traces: one journey through HTTP and Kafka, as spans. Off unless an OpenTelemetry endpoint is set.

What must stay true: while they are off they cost next to nothing, and no span ever holds more than names of
routes, topics and groups, counts and statuses: no path, no query, no body, no id of a person.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final, TypeAlias

from shared.events.wire import Event
from shared.observability import journey

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

Batch: TypeAlias = Sequence[Event[Any]]


class Answered:
    """How a request went; told when it ends."""

    __slots__ = ("route", "status")

    def __init__(self) -> None:
        self.route = ""
        self.status = 500


class Traces:
    """Traces that nobody records: the trace context is carried on, and that is all."""

    @contextmanager
    def request(self, method: str, header: str, answered: Answered) -> Iterator[None]:
        """A request that a client sent with this `traceparent`, if any."""
        del method, answered
        with journey.within(journey.read(header) or journey.begin()):
            yield

    def consuming(self, group: str, events: Batch) -> AbstractContextManager[Batch]:
        """A batch of one topic that a group handles; gives back the events to be handled."""
        del group
        return nullcontext(events)

    def publishing(self, entries: Sequence[Mapping[str, Any]]) -> AbstractContextManager[None]:
        """Entries of outboxes that are being sent."""
        del entries
        return nullcontext()

    def stop(self) -> None:
        """Sends what is left. May take seconds."""


OFF: Final = Traces()


def open_traces(service: str, instance: str) -> Traces:
    """Recorded traces if the environment names an endpoint (OTLP over HTTP), else `OFF`.

    All variables `OTEL_…` of the OpenTelemetry SDK hold: sampler, headers, timeouts.
    """
    if not any(os.environ.get(name) for name in _ENDPOINTS):
        return OFF
    from shared.observability.spans import RecordedTraces

    return RecordedTraces(service, instance)
