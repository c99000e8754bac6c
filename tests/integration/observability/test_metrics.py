"""What the five services export while they work: it can be read, it is true, and it names nobody."""

import re
import time
import uuid
from collections.abc import Callable

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from tests.five import Five
from tests.integration.observability.exported import Exported, parse, scrape

WITHIN_S = 40.0
SERVICES = ("intake", "matching", "notifications", "followup", "streams")
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-|@|[0-9a-f]{24}")


def until(ask: Callable[[], bool], what: str) -> None:
    give_up_at = time.monotonic() + WITHIN_S
    while not ask():
        assert time.monotonic() < give_up_at, f"never: {what}"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def programme(five: Five) -> str:
    """A programme with one mentee, whose events have gone everywhere."""
    name = f"p{uuid.uuid4().hex[:8]}"
    five.make_programme(name)
    answer = five.register(name)
    assert answer.status_code in (200, 201, 202), answer.text

    def everywhere() -> bool:
        return all(
            (
                scrape(five, service).value(
                    "commonground_events_total", stream="participants", outcome="applied"
                )
                or 0
            )
            >= 1
            for service in ("matching", "notifications", "followup")
        )

    until(everywhere, "the registration is applied in all services")
    return name


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("accept", ["text/plain", "application/openmetrics-text; version=1.0.0"])
def test_prometheus_own_parser_reads_what_a_service_exports(
    five: Five, programme: str, service: str, accept: str
) -> None:
    answer = httpx.get(f"{five.urls[service]}/metrics", headers={"Accept": accept}, timeout=30)
    assert accept.partition(";")[0] in answer.headers["content-type"]
    exported = parse(answer.text)
    assert exported.value("commonground_ready") == 1
    assert exported.value("commonground_figures_unanswered_total", figure="ready") is None


@pytest.mark.parametrize("service", SERVICES)
def test_names_follow_the_conventions_and_every_metric_says_what_it_means(
    five: Five, programme: str, service: str
) -> None:
    exported = scrape(five, service)
    ours = {name: kind for name, kind in exported.types.items() if name.startswith("commonground_")}
    assert ours
    for name, kind in ours.items():
        assert re.fullmatch(r"[a-z_]+", name), name
        assert exported.meanings[name], name
        assert not name.endswith(("_ms", "_minutes", "_count", "_info")), name
        # The parser takes the `_total` off a counter; whatever else has it is misnamed.
        assert not name.endswith("_total"), f"{name} is a {kind}"
    totals = {name for name, _ in exported.samples if name.endswith("_total")}
    assert {name.removesuffix("_total") for name in totals} <= {
        name for name, kind in exported.types.items() if kind == "counter"
    }


@pytest.mark.parametrize("service", SERVICES)
def test_no_label_holds_an_id_or_an_address(five: Five, programme: str, service: str) -> None:
    five.ask(service, f"/participants/{uuid.uuid4()}/waiting?token=secret@example.org")
    for name, labels in scrape(five, service).samples:
        for label, value in labels:
            assert not ID.search(value), f"{name}: {label}={value}"


def test_requests_are_counted_by_route_and_status_whatever_their_path(five: Five) -> None:
    for _ in range(3):
        five.ask("matching", f"/matches/{uuid.uuid4()}")
    five.ask("matching", f"/nothing/{uuid.uuid4()}")
    exported = scrape(five, "matching")
    name = "commonground_http_request_duration_seconds_count"
    known = exported.value(name, method="GET", route="/matches/{match_id}", status="401")
    assert known is not None
    assert known >= 3
    assert exported.value(name, method="GET", route="none", status="404") is not None
    assert not any("/metrics" in str(labels) for _, labels in exported.samples)


def test_what_is_published_is_applied_elsewhere_and_nothing_is_left(
    five: Five, programme: str
) -> None:
    def settled() -> bool:
        exports = {service: scrape(five, service) for service in SERVICES}
        return all(
            export.value("commonground_outbox_documents") == 0
            and sum(lag(export).values()) == 0
            and lag(export)
            for export in exports.values()
        )

    until(settled, "no outbox and no lag")
    published = scrape(five, "intake").value(
        "commonground_events_published_total", stream="participants"
    )
    applied = scrape(five, "matching").value(
        "commonground_events_total", stream="participants", outcome="applied"
    )
    assert published == applied
    received = scrape(five, "matching").value(
        "faststream_received_messages_total",
        app_name="faststream",
        broker="kafka",
        handler="participants",
    )
    assert received == published


def lag(exported: Exported) -> dict[str, float]:
    return {
        f"{dict(labels)['group']} {dict(labels)['partition']}": value
        for (name, labels), value in exported.samples.items()
        if name == "commonground_consumer_lag_records"
    }


def test_a_record_that_nobody_can_read_is_counted_where_it_was_set_aside(
    five: Five, programme: str
) -> None:
    async def send() -> None:
        servers = five.runtime("matching").settings.kafka_url
        async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
            await producer.send_and_wait("programmes", b"{", headers=[("ce_type", b"unheard.of")])

    before = scrape(five, "matching").value("commonground_parked_records")
    five.run(send())
    parked = five.runtime("matching").metrics
    for measured in parked._measured:
        measured.fresh_for_s = 0.0
        measured.fresh_until = 0.0
    until(
        lambda: scrape(five, "matching").value("commonground_parked_records") == (before or 0) + 1,
        "the record is counted",
    )


def test_participants_and_unsent_messages_are_told_by_where_they_stand(
    five: Five, programme: str
) -> None:
    registered = {
        labels: value
        for (name, labels), value in scrape(five, "intake").samples.items()
        if name == "commonground_participants" and ("programme", programme) in labels
    }
    assert sum(registered.values()) == 1
    # No mail server listens: the mail is tried, and waits.
    until(
        lambda: (
            (scrape(five, "notifications").value("commonground_mails_total", result="later") or 0)
            >= 1
        ),
        "a mail was tried",
    )
