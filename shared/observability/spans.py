"""Traces as OpenTelemetry records them. Imported only where they are on.

A batch is one span that links to the journeys of its events, and for each journey that is sampled a short
span inside that journey: so one trace leads from a request through every service that it reached.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from shared.observability import journey
from shared.observability.traces import Answered, Batch, Traces

_MOST_JOURNEYS: Final = 100
"""Of one batch; the journeys of the other events go on as they came, without a span of it."""


class RecordedTraces(Traces):
    """Spans of one process, sent in the background."""

    def __init__(self, service: str, instance: str) -> None:
        resource = Resource.create(
            {
                "service.name": service,
                "service.namespace": "common-ground",
                "service.instance.id": instance,
            }
        )
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("common-ground")

    @contextmanager
    def request(self, method: str, header: str, answered: Answered) -> Iterator[None]:
        """A span of the server's, below the client's if it named one."""
        came = journey.read(header)
        parent = set_span_in_context(NonRecordingSpan(_context_of(came))) if came else None
        span = self._tracer.start_span(
            method,
            parent,
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method},
        )
        try:
            with journey.within(_traceparent_of(span)):
                yield
        finally:
            span.update_name(f"{method} {answered.route}")
            span.set_attribute("http.route", answered.route)
            span.set_attribute("http.response.status_code", answered.status)
            if answered.status >= 500:
                span.set_status(Status(StatusCode.ERROR))
            span.end()

    @contextmanager
    def consuming(self, group: str, events: Batch) -> Iterator[Batch]:
        """Gives the events back as parts of their journeys, each below its own short span."""
        topic = events[0].stream.name
        attributes = {
            "messaging.system": "kafka",
            "messaging.operation.type": "process",
            "messaging.destination.name": topic,
            "messaging.consumer.group.name": group,
        }
        came = _sampled(event.traceparent for event in events)
        span = self._tracer.start_span(
            f"process {topic}",
            kind=SpanKind.CONSUMER,
            links=[Link(context) for context in came.values()],
            attributes={**attributes, "messaging.batch.message_count": len(events)},
        )
        parts = {
            traceparent: self._tracer.start_span(
                f"process {topic}",
                set_span_in_context(NonRecordingSpan(context)),
                kind=SpanKind.CONSUMER,
                links=[Link(span.get_span_context())],
                attributes=attributes,
            )
            for traceparent, context in came.items()
        }
        within = {traceparent: _traceparent_of(part) for traceparent, part in parts.items()}
        try:
            yield [
                replace(event, traceparent=within[event.traceparent])
                if event.traceparent in within
                else event
                for event in events
            ]
        except BaseException as error:
            _fail(span, error)
            for part in parts.values():
                _fail(part, error)
            raise
        finally:
            ended = time.time_ns()
            for part in parts.values():
                part.end(ended)
            span.end(ended)

    @contextmanager
    def publishing(self, entries: Sequence[Mapping[str, Any]]) -> Iterator[None]:
        """One span for all that is sent at once, with links to the journeys."""
        came = _sampled(entry["headers"].get("traceparent") for entry in entries)
        if not came:
            yield
            return
        span = self._tracer.start_span(
            "publish",
            kind=SpanKind.PRODUCER,
            links=[Link(context) for context in came.values()],
            attributes={
                "messaging.system": "kafka",
                "messaging.operation.type": "send",
                "messaging.batch.message_count": len(entries),
            },
        )
        try:
            yield
        finally:
            span.end()

    def stop(self) -> None:
        """Sends what is left, and ends."""
        self._provider.shutdown()


def _sampled(traceparents: Iterator[str | None]) -> dict[str, SpanContext]:
    """The journeys that are recorded, each once, the first hundred."""
    found: dict[str, SpanContext] = {}
    for traceparent in traceparents:
        if traceparent is None or traceparent in found or journey.read(traceparent) is None:
            continue
        context = _context_of(traceparent)
        if context.trace_flags.sampled:
            found[traceparent] = context
            if len(found) == _MOST_JOURNEYS:
                break
    return found


def _context_of(traceparent: str) -> SpanContext:
    _, trace_id, span_id, flags = traceparent.split("-")
    return SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16))
    )


def _traceparent_of(span: Span) -> str:
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def _fail(span: Span, error: BaseException) -> None:
    """The kind of error only: its words may quote what a person wrote."""
    span.set_attribute("error.type", type(error).__name__)
    span.set_status(Status(StatusCode.ERROR))
