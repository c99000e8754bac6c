"""Whose journey the work at hand belongs to, whether or not anybody records it."""

import asyncio
import json
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from shared.observability import journey
from shared.observability.traces import OFF, Answered, open_traces
from shared.storage.changes import Cause

TRACE = "0af7651916cd43dd8448eb211c80319c"
CAME = f"00-{TRACE}-b7ad6b7169203331-01"
NOW = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-b7ad6b7169203331-01",
        f"{CAME}-more",
        f"{CAME}\n",
    ],
)
def test_a_request_whose_trace_context_is_none_begins_a_journey_of_its_own(header: str) -> None:
    with OFF.request("GET", header, Answered()):
        begun = journey.traceparent()
    assert begun is not None
    assert journey.read(begun) == begun
    assert TRACE not in begun
    assert begun.endswith("-00"), "nobody records it"


def test_a_request_goes_on_with_the_journey_that_it_names_and_what_it_changes_belongs_to_it() -> (
    None
):
    with OFF.request("GET", CAME, Answered()):
        assert journey.trace_id() == TRACE
        assert Cause.http(NOW).traceparent == CAME
        assert Cause(NOW, "m").traceparent == CAME
    assert journey.traceparent() is None
    assert Cause.http(NOW).traceparent is None


async def test_two_requests_at_once_do_not_take_each_others_journey() -> None:
    async def ask(header: str) -> str | None:
        with OFF.request("GET", header, Answered()):
            await asyncio.sleep(0)
            return journey.trace_id()

    other = "1" * 32
    seen = await asyncio.gather(ask(CAME), ask(f"00-{other}-{'2' * 16}-00"))
    assert list(seen) == [TRACE, other]


def test_traces_are_off_unless_an_endpoint_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", raising=False)
    assert open_traces("intake", "1") is OFF


def logged_by(program: str) -> list[dict[str, Any]]:
    """What a process of its own logs: loggers keep the standard output that they first saw."""
    begin = "from shared.observability.logs import set_up_logs\nset_up_logs('intake', '1')\n"
    done = subprocess.run(
        [sys.executable, "-c", begin + textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_log_lines_name_the_trace_ours_and_those_of_libraries() -> None:
    logged = logged_by(f"""
        import logging
        import structlog
        from shared.observability import journey

        with journey.within("{CAME}"):
            structlog.get_logger("one").warning("storage_waits")
            logging.getLogger("library").warning("something")
        structlog.get_logger("other").warning("storage_waits")
    """)
    assert [line.get("trace_id") for line in logged] == [TRACE, TRACE, None]
    assert {line["service"] for line in logged} == {"intake"}


HANDLING = f"""
    import asyncio
    from datetime import UTC, datetime
    import structlog
    from shared.clock import SystemClock
    from shared.events.participants import ParticipantErased
    from shared.events.wire import Record, encode_headers, headers_of
    from shared.messaging.consumption import Consumption

    def record(subject, correlation_id):
        erased = ParticipantErased(programme="p", participant_id=subject)
        headers = headers_of(
            erased, 1, datetime(2026, 1, 5, tzinfo=UTC), correlation_id=correlation_id,
            causation_id=None, traceparent="{CAME}",
        )
        value = erased.model_dump_json().encode()
        return Record("participants", 0, 1, b"a", tuple(encode_headers(headers)), value)

    async def use_case(batch):
        structlog.get_logger("case").warning("seen", events=len(batch))

    handle = Consumption("matching.participants", None, SystemClock(), use_case).handle
"""


def test_what_is_logged_while_an_event_is_handled_names_its_journey() -> None:
    (line,) = logged_by(HANDLING + "    asyncio.run(handle([record('a', 'c-1')]))")
    assert line["trace_id"] == TRACE
    assert line["correlation_id"] == "c-1"
    assert line["group"] == "matching.participants"


def test_a_batch_of_several_journeys_is_logged_as_nobodys() -> None:
    both = "    asyncio.run(handle([record('a', 'c-1'), record('b', 'c-2')]))"
    (line,) = logged_by(HANDLING + both)
    assert line["events"] == 2
    assert "trace_id" not in line
    assert "correlation_id" not in line
    assert line["group"] == "matching.participants"
