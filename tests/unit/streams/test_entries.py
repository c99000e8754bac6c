"""What the journal keeps of an event, and how it tells of it."""

import re
from datetime import UTC, datetime

import pytest

from services.streams.domain.entries import JOURNALED, entry_of, short_name, wire_name, without
from services.streams.domain.sentences import SENTENCES, sentence
from services.streams.store.journal import Search
from shared.events.matches import MatchAccepted
from shared.events.messages import MessageSent
from shared.events.participants import ParticipantRegistered
from shared.events.payload import Payload
from shared.events.registry import MODULES
from shared.events.rights import ExportDone
from tests.unit.streams.examples import event, example

EVENTS = [payload for payload in Payload.all() if payload.stream in JOURNALED]


def test_the_contract_is_known() -> None:
    assert len(MODULES) == 10
    assert len(EVENTS) > 30


def test_contacts_are_never_journaled() -> None:
    assert "contacts" not in {stream.name for stream in JOURNALED}


@pytest.mark.parametrize("payload_class", EVENTS)
def test_every_event_has_a_sentence_that_it_can_fill(payload_class: type[Payload]) -> None:
    said = sentence(entry_of(event(example(payload_class))))
    assert "no longer known" not in said
    assert said.endswith((".", "why-1"))
    fields = set(re.findall(r"{(\w+)}", SENTENCES[short_name(payload_class.wire_name)]))
    assert fields <= set(payload_class.model_fields)


def test_there_is_no_sentence_for_an_event_that_is_not_in_the_contract() -> None:
    assert {wire_name(name) for name in SENTENCES} == {e.wire_name for e in EVENTS}


def test_what_erasure_took_is_said_to_be_no_longer_known() -> None:
    entry = entry_of(event(example(ParticipantRegistered)))
    entry.payload.clear()
    assert sentence(entry) == ("Registered as a (no longer known); she is (no longer known).")


def test_an_entry_is_about_the_people_and_the_match() -> None:
    accepted = entry_of(event(example(MatchAccepted)))
    assert accepted.about == ("mentee_id-1", "mentor_id-1", "match_id-1")
    sent = entry_of(event(example(MessageSent)))
    assert sent.about == ("recipient_id-1", "match_id-1")
    registered = entry_of(event(example(ParticipantRegistered)))
    assert registered.about == ("participant_id-1",)


def test_names_have_a_short_form_and_back() -> None:
    for payload in Payload.all():
        assert wire_name(short_name(payload.wire_name)) == payload.wire_name
        assert wire_name(payload.wire_name) == payload.wire_name


def test_a_search_asks_only_for_what_was_said() -> None:
    assert Search().query() == {}
    start = datetime(2026, 1, 5, tzinfo=UTC)
    what = Search(participant="p", match="m", city="461", start=start)
    assert what.query() == {
        "about": {"$all": ["p", "m"]},
        "city": "461",
        "time": {"$gte": start},
    }
    stream = Search(stream="check-ins").query()["type"]["$in"]
    assert "commonground.check_in.due.v1" in stream
    assert "commonground.check_in.escalated.v1" not in stream


def test_of_a_sealed_answer_is_kept_that_it_came() -> None:
    entry = entry_of(event(example(ExportDone, sealed="c2VhbGVk")))
    assert "sealed" not in entry.payload
    assert entry.payload["service"]


def test_what_comes_about_somebody_erased_tells_nothing_of_her() -> None:
    registered = entry_of(event(example(ParticipantRegistered)))
    assert without(registered, {"participant_id-1"}).payload == {
        "participant_id": "participant_id-1"
    }
    accepted = entry_of(event(example(MatchAccepted, languages=("uk",), times=("sat-morning",))))
    bare = without(accepted, {"mentor_id-1"})
    assert (bare.payload["languages"], bare.payload["times"], bare.payload["score"]) == ([], [], 0)
    assert bare.payload["mentee_id"] == accepted.payload["mentee_id"]
    assert without(accepted, {"somebody else"}) is accepted
