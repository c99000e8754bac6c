"""What integrators see: only what is named, under names of their own, in their own places."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from services.streams.domain.entries import Entry, entry_of
from services.streams.domain.grants import faults_of_places
from services.streams.domain.integration import BY_WIRE_NAME, INTEGRATION_EVENTS, GrantedStream
from services.streams.domain.places import places, regions
from services.streams.domain.projection import SEEN_BY_TYPE, Projected, project
from services.streams.generate import FOLDER, all_schemas, generated
from shared.events.check_ins import CheckInCompleted, CheckInOverdue, CheckInState
from shared.events.matches import (
    MatchAccepted,
    MatchDeclined,
    MatchExpired,
    MatchHeld,
    MatchMenteeAccepted,
    MatchProposed,
    MatchReminderDue,
    MatchState,
    MatchWithdrawn,
)
from shared.events.payload import Payload
from shared.events.schemas import breaking_changes
from tests.unit.streams.examples import event, example
from tests.unit.streams.grants import AARHUS, ODENSE, SAMSOE, a_grant, pseudonyms

EVERYTHING = a_grant(all_cities=True)
MAY_BE_KNOWN = {
    "programme",
    "city",
    "proposed_at",
    "accepted_at",
    "number",
    "day",
    "due_at",
    "late",
}
"""Fields of our events that an integrator may get as they are. Whoever adds one here says why."""
MADE = {"region", "match", "mentee", "mentor"}
LONG_AGO = datetime(2001, 2, 3, tzinfo=UTC)
CLOSINGS: tuple[type[Payload], ...] = (MatchDeclined, MatchExpired, MatchWithdrawn)


def an_entry(kind: type[Payload], sequence: int = 1, **fields: Any) -> Entry:
    given_fields = {"programme": "kvinfo", "city": ODENSE, **fields}
    for hidden in ("asked_at", "answer_by"):
        if hidden in kind.model_fields:
            given_fields[hidden] = LONG_AGO
    made = entry_of(event(example(kind, **given_fields), sequence))
    return replace(made, position=sequence)


def seen(entry: Entry, grant: Any = EVERYTHING) -> Projected | None:
    return project(entry, grant, pseudonyms(grant))


def strings_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for part in value.values():
            yield from strings_in(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from strings_in(part)
    elif isinstance(value, str):
        yield value.value if isinstance(value, Enum) else value


def secrets_of(entry: Entry) -> set[str]:
    """Everything in an entry that must not come out: all texts but those that may be known."""
    hidden = {n: v for n, v in entry.payload.items() if n not in MAY_BE_KNOWN}
    envelope = {entry.id, entry.correlation_id, entry.causation_id or entry.id}
    return {text for text in (*strings_in(hidden), *envelope) if text}


later_additions = st.dictionaries(
    st.text(st.characters(categories=["Ll"]), min_size=6).map("later_{}".format),
    st.text(st.characters(categories=["Ll"]), min_size=12).map("canary-{}".format) | st.integers(),
)


@pytest.mark.parametrize("kind", Payload.all())
@settings(max_examples=20)
@given(added=later_additions, city=st.sampled_from([*places(), "nowhere", None]))
def test_nothing_comes_through_but_what_is_named(
    kind: type[Payload], added: dict[str, Any], city: str | None
) -> None:
    entry = an_entry(kind, city=city)
    entry.payload.update(added)
    projected = seen(entry)
    if projected is None:
        assert entry.type not in SEEN_BY_TYPE
        return
    assert set(projected.data) <= MAY_BE_KNOWN | MADE
    out = projected.as_json()
    told = set(strings_in(json.loads(out)))
    assert told.isdisjoint(secrets_of(entry))
    assert not any(name in out for name in added)
    assert "canary" not in out
    if city in places() and places()[city or ""].is_small:
        assert projected.city is None
        assert "city" not in json.loads(out)
        assert city not in told


@pytest.mark.parametrize("stream", ["care", "pool", "messages", "participants", "rights"])
def test_nothing_of_the_other_streams_is_seen(stream: str) -> None:
    kinds = [kind for kind in Payload.all() if kind.stream.name == stream]
    assert kinds
    for kind in kinds:
        assert seen(an_entry(kind)) is None


@pytest.mark.parametrize("kind", [MatchHeld, MatchMenteeAccepted, MatchReminderDue])
def test_what_goes_on_between_proposal_and_answer_is_not_seen(kind: type[Payload]) -> None:
    assert seen(an_entry(kind)) is None


def test_nobody_can_tell_a_no_from_silence() -> None:
    told = [seen(an_entry(kind, sequence)) for sequence, kind in enumerate(CLOSINGS, 2)]
    assert len({json.dumps(one.data) for one in told if one}) == 1
    assert {one.type for one in told if one} == {
        "commonground.integration.match.closed_without_match.v1"
    }


def test_a_no_after_her_yes_looks_like_a_no_before_it() -> None:
    early, late = seen(an_entry(MatchDeclined, 2)), seen(an_entry(MatchDeclined, 3))
    assert early is not None
    assert late is not None
    assert early.data == late.data
    without = {"id", "position"}
    assert {n: v for n, v in early.attributes.items() if n not in without} == {
        n: v for n, v in late.attributes.items() if n not in without
    }
    assert len(early.id) == len(late.id) == 32


def test_a_match_that_nobody_was_asked_about_was_never_there() -> None:
    assert seen(an_entry(MatchWithdrawn, proposed_at=None)) is None


def test_who_has_not_answered_a_check_in_is_not_told() -> None:
    overdue = seen(an_entry(CheckInOverdue))
    assert overdue is not None
    assert set(overdue.data) == {
        "programme", "city", "region", "match", "mentee", "mentor", "number", "day", "due_at",
    }  # fmt: skip


def test_two_integrators_have_no_name_in_common() -> None:
    ours, theirs = a_grant(all_cities=True), a_grant(all_cities=True, pseudonym_key="another")
    for kind in (MatchProposed, MatchAccepted, CheckInCompleted):
        one, other = seen(an_entry(kind), ours), seen(an_entry(kind), theirs)
        assert one is not None
        assert other is not None
        names = [
            {p.id, p.subject, p.data["match"], p.data["mentee"], p.data["mentor"]}
            for p in (one, other)
        ]
        assert names[0].isdisjoint(names[1])


def test_one_integrator_knows_the_same_person_and_match_again() -> None:
    proposed, done = seen(an_entry(MatchProposed)), seen(an_entry(CheckInCompleted))
    assert proposed is not None
    assert done is not None
    for who in ("match", "mentee", "mentor"):
        assert proposed.data[who] == done.data[who]
    assert proposed.data["mentee"] != proposed.data["mentor"]
    assert seen(an_entry(MatchProposed)) == proposed


def test_a_person_is_not_named_as_a_match_or_an_event_with_the_same_id() -> None:
    names = pseudonyms(EVERYTHING)
    assert len({names.of(kind, "one") for kind in ("person", "match", "event")}) == 3


@given(
    granted=st.sets(st.sampled_from(list(places())), max_size=5), city=st.sampled_from([*places()])
)
def test_only_granted_cities_are_seen(granted: set[str], city: str) -> None:
    grant = a_grant(cities=tuple(granted))
    assert (seen(an_entry(MatchAccepted, city=city), grant) is not None) == (city in granted)


def test_no_city_is_nothing_and_no_stream_is_nothing() -> None:
    assert seen(an_entry(MatchAccepted), a_grant(cities=())) is None
    assert seen(an_entry(MatchAccepted, city=None), a_grant(cities=())) is None
    assert seen(an_entry(MatchAccepted), a_grant(streams=())) is None
    only_check_ins = a_grant(streams=(GrantedStream.CHECK_INS,))
    assert seen(an_entry(MatchAccepted), only_check_ins) is None
    assert seen(an_entry(CheckInCompleted), only_check_ins) is not None


def test_other_programmes_and_revoked_grants_see_nothing() -> None:
    assert seen(an_entry(MatchAccepted, programme="another")) is None
    assert seen(an_entry(MatchAccepted), a_grant(revoked_at=event(example(MatchHeld)).time)) is None


def test_a_small_municipality_is_seen_as_its_region_by_who_was_granted_the_region() -> None:
    entry = an_entry(MatchAccepted, city=SAMSOE)
    assert seen(entry, a_grant(cities=(AARHUS,))) is None
    projected = seen(entry, a_grant(regions=("Midtjylland",)))
    assert projected is not None
    assert (projected.city, projected.region) == (None, "Midtjylland")
    assert seen(an_entry(MatchAccepted, city=AARHUS), a_grant(regions=("Midtjylland",))) is None


def test_a_region_does_not_give_its_small_municipality_away() -> None:
    for region in regions():
        small = [p for p in places().values() if p.region == region and p.is_small]
        assert len(small) != 1, region


def test_a_small_municipality_and_unknown_places_cannot_be_granted() -> None:
    faults = faults_of_places([SAMSOE, "999", ODENSE], ["Midtjylland", "Atlantis"])
    assert [fault.field for fault in faults] == ["cities", "cities", "regions"]
    assert "only its region 'Midtjylland'" in faults[0].reason


@pytest.mark.parametrize("kind", [k for k in Payload.all() if k.wire_name in SEEN_BY_TYPE])
def test_what_is_sent_is_what_the_contract_says(kind: type[Payload]) -> None:
    projected = seen(an_entry(kind))
    assert projected is not None
    Draft202012Validator(all_schemas()[projected.type]).validate(projected.data)
    model = BY_WIRE_NAME[projected.type]
    model.model_validate_json(json.dumps(projected.data))
    with pytest.raises(ValidationError):
        model.model_validate_json(json.dumps({**projected.data, "reason": "not_said"}))


def test_every_integration_event_comes_from_one_of_ours_with_all_its_fields() -> None:
    assert set(SEEN_BY_TYPE.values()) == set(INTEGRATION_EVENTS)
    for wire_name, model in SEEN_BY_TYPE.items():
        source = Payload.of_name(wire_name)
        assert source is not None
        assert issubclass(source, MatchState | CheckInState)
        assert source.stream.name == model.stream.value
        assert set(model.model_fields) - MADE <= set(source.model_fields)


def test_what_is_generated_is_committed() -> None:
    stale = [p for p, text in generated().items() if p.read_text(encoding="utf-8") != text]
    assert stale == []


@pytest.mark.parametrize("name", sorted(all_schemas()))
def test_every_schema_only_grows(name: str) -> None:
    golden = json.loads((FOLDER / "schemas" / f"{name}.json").read_text(encoding="utf-8"))
    assert breaking_changes(golden, all_schemas()[name]) == []
