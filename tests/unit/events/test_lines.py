"""Events as lines: what is written is read again, and what is no event is said to be none."""

import json

import pytest

from shared.errors import EventUnreadable
from shared.events.lines import line_of, line_of_event, read_line
from shared.events.participants import ParticipantRegistered
from shared.events.payload import Payload
from shared.events.streams import PARTICIPANTS
from tests.unit.streams.examples import NOW, event, example


@pytest.mark.parametrize("kind", Payload.all(), ids=lambda kind: kind.wire_name)
def test_every_event_of_the_contract_is_read_as_it_was_written(kind: type[Payload]) -> None:
    written = event(example(kind))
    read = read_line(line_of_event(written))
    assert (read.id, read.time, read.payload) == (written.id, written.time, written.payload)
    assert read.causation_id == written.causation_id


def test_a_line_is_a_cloud_event_of_one_line() -> None:
    line = line_of_event(event(example(ParticipantRegistered)))
    found = json.loads(line)
    assert "\n" not in line
    assert {"specversion", "id", "source", "type"} <= found.keys()


def test_of_somebody_erased_there_is_no_event_left() -> None:
    name, only_id = ParticipantRegistered.wire_name, {"participant_id": "somebody"}
    line = line_of(PARTICIPANTS, name, "somebody", 1, NOW, only_id, programme="network")
    with pytest.raises(EventUnreadable, match="does not fit"):
        read_line(line)


@pytest.mark.parametrize("line", ["", "[]", "{}", '{"data":1}', "null", '{"type":"x","data":{}}'])
def test_what_is_no_event_is_refused(line: str) -> None:
    with pytest.raises(EventUnreadable):
        read_line(line)
