"""How far a replay is, whoever works on it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.streams.domain.entries import entry_of
from services.streams.domain.replaying import (
    REPLAYED,
    Replay,
    ReplayState,
    advanced,
    headers_again,
    payload_of,
    refused,
    stopped,
)
from shared.events.payload import Payload
from shared.events.streams import ALL_STREAMS
from shared.events.wire import REPLAY_TO, Record, decode, encode_headers, headers_of
from tests.unit.streams.examples import NOW, event, example


def a_replay(**changes: object) -> Replay:
    whole: dict[str, object] = {
        "stream": "matches", "to": None, "after": 10, "until": 100, "by": "k", "position": 10
    }  # fmt: skip
    return Replay(**{**whole, **changes})  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.integers(10, 100), st.integers(10, 120), st.integers(0, 50))))
def test_it_only_goes_on_from_where_it_is_and_is_done_at_its_end(
    steps: list[tuple[int, int, int]],
) -> None:
    replay = a_replay()
    for before, position, sent in steps:
        decision = advanced(replay, before, max(before, position), sent)
        if decision is None:
            assert replay.position != before or replay.state is not ReplayState.RUNNING
            continue
        assert decision.state.position >= replay.position
        replay = decision.state
    assert (replay.state is ReplayState.DONE) == (replay.position >= replay.until)


def test_what_was_stopped_goes_no_further() -> None:
    decision = stopped(a_replay())
    assert decision is not None
    assert decision.state.state is ReplayState.STOPPED
    assert advanced(decision.state, 10, 50, 40) is None
    assert stopped(decision.state) is None


@pytest.mark.parametrize("stream", ALL_STREAMS, ids=lambda stream: stream.name)
def test_no_compacted_stream_and_nothing_sealed_is_ever_sent_again(stream: object) -> None:
    name, is_compacted = stream.name, stream.is_compacted  # type: ignore[attr-defined]
    may_be = {"matches", "pool", "check-ins", "care", "messages"}
    assert (refused(name, None) is None) == (name in may_be)
    if is_compacted:
        refusal = refused(name, None)
        assert refusal is not None
        assert "RESEND_STATE" in refusal.detail


@pytest.mark.parametrize(
    "kind",
    [one for one in Payload.all() if one.stream.name in REPLAYED],
    ids=lambda kind: kind.__name__,
)
def test_every_event_that_can_be_sent_again_is_the_one_that_it_was(kind: type[Payload]) -> None:
    payload = example(kind)
    first = headers_of(
        payload, 3, NOW, correlation_id="journey-1", causation_id="because", traceparent=None
    )
    entry = entry_of(event(payload, 3, causation_id="because"))
    again = headers_again(entry, payload_of(entry), "followup.matches")
    assert list(again)[-1] == REPLAY_TO
    assert again == {**first, REPLAY_TO: "followup.matches"}
    value = payload_of(entry).model_dump_json(exclude_none=True).encode()
    record = Record(kind.stream.name, 0, 0, b"k", tuple(encode_headers(again)), value)
    assert decode(record).payload == payload
