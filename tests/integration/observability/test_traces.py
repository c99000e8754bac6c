"""One trace leads from a registration over HTTP through every service that it reached."""

import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from deploy.local.engines import Engine
from tests.five import Five, start_five

WITHIN_S = 40.0
SECRET = "Zuleikha-Canary"


@dataclass
class Receiver:
    """A real receiver of OTLP over HTTP, and the spans that came."""

    url: str = ""
    raw: list[bytes] = field(default_factory=list)

    def spans(self) -> list[tuple[str, Any]]:
        """Each span with the service that told of it."""
        found = []
        for body in list(self.raw):
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                named = {a.key: a.value.string_value for a in resource.resource.attributes}
                found += [
                    (named["service.name"], span)
                    for scope in resource.scope_spans
                    for span in scope.spans
                ]
        return found


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.raw.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        receiver.url = f"http://127.0.0.1:{server.server_port}"
        yield receiver
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def traced(embedded: Engine, receiver: Receiver) -> Iterator[Five]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        environment.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        yield from start_five(embedded)


def test_one_trace_leads_from_a_registration_through_matching_to_notifications(
    traced: Five, receiver: Receiver
) -> None:
    programme = f"p{uuid.uuid4().hex[:8]}"
    traced.make_programme(programme)
    answer = traced.register(programme, name=SECRET, story=f"{SECRET} tells.")
    assert answer.status_code == 202, answer.text

    wanted = {
        ("intake", "POST /programmes/{programme}/participants"),
        ("matching", "process participants"),
        ("notifications", "process participants"),
        ("notifications", "process contacts"),
        ("followup", "process participants"),
        ("streams", "process participants"),
    }
    deadline = time.monotonic() + WITHIN_S
    missing = wanted
    while missing:
        assert time.monotonic() < deadline, f"no span of {missing} in the trace"
        spans = receiver.spans()
        of_request = {
            span.trace_id for _, span in spans if span.name.endswith("/{programme}/participants")
        }
        in_trace = {(service, span.name) for service, span in spans if span.trace_id in of_request}
        missing = wanted - in_trace
        time.sleep(0.1)
    assert len(of_request) == 1

    batches = [span for _, span in spans if span.name == "process participants" and span.links]
    linked = {link.trace_id for span in batches for link in span.links}
    assert of_request <= linked, "a batch says whose journeys it took on"
    assert any(
        link.trace_id in of_request
        for service, span in spans
        if service == "intake" and span.name == "publish"
        for link in span.links
    )
    assert not any(SECRET.encode() in body for body in receiver.raw)


def test_a_trace_that_a_client_began_goes_on_and_its_path_and_query_are_not_told(
    traced: Five, receiver: Receiver
) -> None:
    trace_id, secret = uuid.uuid4().hex, uuid.uuid4().hex
    httpx.get(
        f"{traced.urls['matching']}/matches/{secret}?token={secret}",
        headers={"traceparent": f"00-{trace_id}-{'1' * 16}-01"},
        timeout=30,
    )
    deadline = time.monotonic() + WITHIN_S
    spans: list[Any] = []
    while not spans:
        assert time.monotonic() < deadline, "the span has not come"
        spans = [span for _, span in receiver.spans() if span.trace_id.hex() == trace_id]
        time.sleep(0.1)
    (span,) = spans
    assert span.name == "GET /matches/{match_id}"
    told = {a.key: a.value for a in span.attributes}
    # A token that is none of ours is refused like a link that has expired.
    assert told["http.response.status_code"].int_value in {403, 410}
    assert span.parent_span_id.hex() == "1" * 16
    assert not any(secret.encode() in body for body in receiver.raw)
