"""The catalogue tells of every event of both contracts, and nothing that they do not say."""

import json

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka
from cloudevents.core.formats.json import JSONFormat
from jsonschema import Draft202012Validator, FormatChecker

from services.streams.domain.catalogue import Contract, EventKind, catalogue
from services.streams.domain.integration import BY_WIRE_NAME
from shared.events.payload import Payload
from shared.events.wire import Record, decode, encode_headers

KINDS = catalogue()
OURS = [kind for kind in KINDS if kind.contract is Contract.SERVICES]


def named(kind: EventKind) -> str:
    return kind.wire_name


def test_every_event_is_in_it_once() -> None:
    assert sorted(kind.wire_name for kind in KINDS) == sorted(
        [*BY_WIRE_NAME, *(payload.wire_name for payload in Payload.all())]
    )


@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_an_example_is_valid_by_its_schema_and_fills_in_every_field(kind: EventKind) -> None:
    Draft202012Validator(kind.schema, format_checker=FormatChecker()).validate(kind.data)
    assert set(kind.data) == set(kind.schema["properties"])
    assert catalogue()[KINDS.index(kind)].data == kind.data, "the same every time"


@pytest.mark.parametrize("kind", OURS, ids=named)
def test_an_example_is_what_a_consumer_reads(kind: EventKind) -> None:
    headers = {
        "content-type" if name == "datacontenttype" else f"ce_{name}": value
        for name, value in kind.envelope.items()
    }
    value = json.dumps(kind.data).encode()
    key = kind.envelope["partitionkey"].encode()
    event = decode(Record(kind.stream, 0, 1, key, tuple(encode_headers(headers)), value))
    assert event.id == kind.envelope["id"]
    assert event.payload.wire_name == kind.wire_name
    read = from_kafka(
        KafkaMessage({name: text.encode() for name, text in headers.items()}, key, value),
        JSONFormat(),
    )
    assert read.get_type() == kind.wire_name
    assert read.get_data() == kind.data


@pytest.mark.parametrize("kind", KINDS, ids=named)
def test_event_and_fields_say_what_they_mean(kind: EventKind) -> None:
    assert kind.meaning
    assert kind.owner
    silent = [field.path for field in kind.fields if not field.meaning]
    assert not silent, (
        f"{kind.wire_name}: say what {silent} means: `Field(description=…)` in the contract, or in "
        "field_words.py if it means the same in every event"
    )


def test_words_find_events_by_name_meaning_field_and_value() -> None:
    def found(words: str, stream: str = "", contract: str = "") -> set[str]:
        return {kind.name for kind in KINDS if kind.fits(words, stream, contract)}

    assert found("match.accepted") == {"match.accepted"}
    assert "match.declined" in found("DECLINED_BY mentee")
    assert "match.declined" in found("no_time_now")
    assert found("", "care") == {kind.name for kind in OURS if kind.stream == "care"}
    assert found("", "", "integrators").isdisjoint({"help.requested", "participant.registered"})
    assert found("no event says this") == set()


def test_versions_stand_beside_one_another_and_changes_are_those_that_name_the_event() -> None:
    changelog = (
        "# Changes\n\n## Unreleased\n\n- `match.declined`: a new reason,\n  `too_far`.\n"
        "- Something else.\n"
    )
    by_name = {kind.wire_name: kind for kind in catalogue(changelog)}
    declined = by_name["commonground.match.declined.v1"]
    assert declined.changes == ("`match.declined`: a new reason, `too_far`.",)
    assert declined.versions == ("commonground.match.declined.v1",)
    assert by_name["commonground.match.accepted.v1"].changes == ()
