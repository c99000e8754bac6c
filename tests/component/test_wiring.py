"""Each service subscribes to just the streams that the contract says, and records become events."""

import importlib
from typing import Any

import pytest
from faststream.kafka import KafkaBroker, TestKafkaBroker

from shared.events.asyncapi import SERVICES
from shared.events.wire import encode_headers, headers_of
from shared.runtime import Batch, Runtime
from tests.contract.test_events import NOW, a_registration

ENVIRONMENT = {
    "KAFKA_URL": "127.0.0.1:1",
    "MONGODB_URL": "mongodb://127.0.0.1:1/service?serverSelectionTimeoutMS=1",
    "LINK_SECRET": "link",
    "HASH_SECRET": "hash",
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_a_service_consumes_what_the_contract_says_in_a_group_of_its_own(service: str) -> None:
    settings = importlib.import_module(f"services.{service}.settings").Settings()
    app = importlib.import_module(f"services.{service}.app").make_app(settings)
    runtime: Runtime = app.state.runtime
    runtime.subscribe()
    broker: KafkaBroker = runtime._broker
    subscriber: Any
    (subscriber,) = broker.subscribers
    assert subscriber.group_id == service
    assert sorted(subscriber.topic_names) == sorted(stream.name for stream in SERVICES[service])


async def test_a_record_reaches_the_use_case_as_an_event() -> None:
    from services.streams.settings import Settings

    runtime = Runtime("wiring", Settings())
    seen: list[Any] = []

    @runtime.on(a_registration().stream)
    async def on_participants(batch: Batch) -> None:
        seen.extend(batch)

    payload = a_registration()
    headers = headers_of(payload, 3, NOW, correlation_id="c", causation_id=None, traceparent=None)
    runtime.subscribe()
    async with TestKafkaBroker(runtime._broker) as broker:
        await broker.publish_batch(
            payload.model_dump_json().encode(),
            topic="participants",
            headers={name: value.decode() for name, value in encode_headers(headers)},
        )
    (event,) = seen
    assert event.payload == payload
    assert (event.sequence, event.correlation_id) == (3, "c")
