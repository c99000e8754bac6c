"""The contract: what is committed is what the code says, it only grows, and it keeps its promises."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.errors import EventUnreadable
from shared.events.asyncapi import SERVICES
from shared.events.generate import FOLDER, generated
from shared.events.participants import ParticipantRegistered, ParticipantStatus, Role
from shared.events.payload import Payload
from shared.events.programmes import ScoreWeights
from shared.events.schemas import all_schemas, breaking_changes
from shared.events.streams import ALL_STREAMS, CONTACTS, DEAD_LETTERS
from shared.events.wire import Record, decode, encode_headers, headers_of, rfc3339

NOW = datetime(2026, 1, 5, 8, 30, tzinfo=UTC)
SPECIAL_CATEGORIES = (
    "ethnicity",
    "nationality",
    "country_of_birth",
    "religion",
    "health",
    "orientation",
    "politics",
    "residence_status",
    "photo",
    "age",
    "name",
)


def a_registration(**changes: Any) -> ParticipantRegistered:
    fields: dict[str, Any] = {
        "programme": "kvinfo",
        "city": "461",
        "participant_id": "0192-a",
        "role": Role.MENTEE,
        "status": ParticipantStatus.ACTIVE,
        "registered_at": NOW,
    }
    return ParticipantRegistered(**{**fields, **changes})


def as_record(
    payload: Payload, sequence: int = 1, replaced: dict[str, bytes] | None = None
) -> Record:
    made = headers_of(
        payload, sequence, NOW, correlation_id="c", causation_id=None, traceparent=None
    )
    encoded = dict(encode_headers(made)) | (replaced or {})
    value = payload.model_dump_json(exclude_none=True).encode()
    return Record(payload.stream.name, 0, 9, b"k", tuple(encoded.items()), value)


def test_what_is_generated_is_committed() -> None:
    stale = [
        path.relative_to(FOLDER).as_posix()
        for path, text in generated().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    assert stale == []


@pytest.mark.parametrize("name", sorted(all_schemas()))
def test_every_schema_only_grows(name: str) -> None:
    golden = json.loads((FOLDER / "schemas" / f"{name}.json").read_text(encoding="utf-8"))
    assert breaking_changes(golden, all_schemas()[name]) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda schema: schema["properties"].pop("seats"), "data.seats is gone"),
        (lambda schema: schema["required"].append("seats"), "newly requires ['seats']"),
        (lambda schema: schema["properties"]["seats"].update(type="string"), "was integer"),
        (lambda schema: schema["properties"]["seats"].update(maximum=3), "maximum was 5"),
        (lambda schema: schema["$defs"]["Role"]["enum"].pop(), "lost or gained the values"),
    ],
)
def test_a_change_that_breaks_readers_is_seen(change: Any, fault: str) -> None:
    old = all_schemas()["commonground.participant.registered.v1"]
    new = json.loads(json.dumps(old))
    change(new)
    assert fault in "; ".join(breaking_changes(old, new))


def test_a_new_optional_field_is_no_break() -> None:
    old = all_schemas()["commonground.participant.registered.v1"]
    new = json.loads(json.dumps(old))
    new["properties"]["pronouns"] = {"type": "string"}
    assert breaking_changes(old, new) == []


@given(
    st.text(min_size=1).filter(lambda text: "\ud800" not in text),
    st.integers(1, 10**9),
    st.lists(st.sampled_from(["da", "ar", "uk"]), unique=True),
)
def test_an_event_is_the_same_after_the_wire(
    city: str, sequence: int, languages: list[str]
) -> None:
    payload = a_registration(city=city, languages=tuple(languages))
    event = decode(as_record(payload, sequence))
    assert event.payload == payload
    assert (event.id, event.sequence) == (f"participants/0192-a:{sequence}", sequence)
    assert event.time == NOW


def test_readers_ignore_fields_that_they_do_not_know() -> None:
    record = as_record(a_registration())
    newer = json.dumps({**json.loads(record.value or b""), "later_addition": 1}).encode()
    event = decode(Record(record.topic, 0, 9, record.key, record.headers, newer))
    assert event.payload == a_registration()


@pytest.mark.parametrize("field", SPECIAL_CATEGORIES)
def test_a_special_category_cannot_be_written(field: str) -> None:
    with pytest.raises(ValidationError):
        a_registration(**{field: "anything"})


def test_no_stream_but_contacts_has_a_field_for_names_or_addresses() -> None:
    private = {"email", "phone", "story", "goals", "request", "text", "address"}
    for payload in Payload.all():
        if payload.stream is not CONTACTS:
            assert private.isdisjoint(payload.model_fields), payload.wire_name


@pytest.mark.parametrize(
    ("header", "value", "reason"),
    [
        ("ce_type", b"commonground.match.unheard_of.v1", "no event of the contract"),
        ("ce_type", b"commonground.match.accepted.v1", "belongs to 'matches'"),
        ("ce_type", b"Amina Secret", "^ce_type is no event of the contract$"),
        ("ce_sequence", b"0", "whole number"),
        ("ce_sequence", b"\xd9\xa3", "whole number"),
        ("ce_subject", b"somebody-else", "not the subject"),
        ("ce_time", b"yesterday", "RFC 3339"),
        ("ce_time", b"2026-01-05T08:00:00", "time zone"),
        ("ce_id", b"\xff", "not UTF-8"),
        ("ce_type", b"", "is missing"),
    ],
)
def test_a_record_that_is_none_of_ours_is_refused_with_its_reason(
    header: str, value: bytes, reason: str
) -> None:
    with pytest.raises(EventUnreadable, match=reason):
        decode(as_record(a_registration(), replaced={header: value}))


def test_a_reason_never_quotes_the_data() -> None:
    record = as_record(a_registration())
    broken = (record.value or b"").replace(b'"mentee"', b'"Amina Secret"')
    with pytest.raises(EventUnreadable) as refused:
        decode(Record(record.topic, 0, 9, record.key, record.headers, broken))
    assert "role" in refused.value.reason
    assert "Amina" not in refused.value.reason


def test_instants_are_written_in_utc_with_milliseconds() -> None:
    assert rfc3339(NOW) == "2026-01-05T08:30:00.000Z"


def test_every_event_belongs_to_a_stream_and_every_stream_has_events() -> None:
    assert {payload.stream for payload in Payload.all()} == set(ALL_STREAMS)


def test_asyncapi_documents_name_every_event_once_for_its_owner() -> None:
    sent: dict[str, int] = {}
    for path, text in generated().items():
        if path.parent.name == "asyncapi":
            document = json.loads(text)
            for operation in document["operations"].values():
                if operation["action"] == "send":
                    channel = document["channels"][operation["channel"]["$ref"].rpartition("/")[2]]
                    named = [one["$ref"] for one in operation.get("messages", [])]
                    for message in named or channel["messages"]:
                        name = message.rpartition("/")[2]
                        sent[name] = sent.get(name, 0) + 1
    everybody = len(SERVICES)
    assert sent == {
        payload.__name__: everybody
        if payload.stream is DEAD_LETTERS
        else len(payload.stream.writers)
        if payload.is_answer
        else 1
        for payload in Payload.all()
    }


def test_weights_that_add_up_to_more_than_all_points_are_refused_with_their_sum() -> None:
    at_most = ScoreWeights(same_city=0, language_comfort=110)
    assert sum(at_most.model_dump().values()) == 1000
    with pytest.raises(ValidationError, match="add up to 1001; lower some"):
        ScoreWeights(same_city=51)
