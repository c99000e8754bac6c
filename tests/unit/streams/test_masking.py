"""What an operator sees without a reason: deny first."""

import pytest

from services.streams.domain.entries import JOURNALED, short_name
from services.streams.domain.masking import MASKED, has_masked, masked
from shared.events.participants import ParticipantState
from shared.events.payload import Payload
from tests.unit.streams.examples import example

PERSONAL = {
    "languages", "availability", "kinds_of_help", "profession", "wished_profession",
    "education_level", "education_field", "interests", "topics", "apart_from", "meets_online",
    "reasons", "times",
}  # fmt: skip
EVENTS = [one for one in Payload.all() if one.stream in JOURNALED]


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: short_name(kind.wire_name))
def test_what_somebody_told_about_herself_is_masked_in_every_event(kind: type[Payload]) -> None:
    payload = example(kind).model_dump(mode="json", exclude_none=True)
    shown = masked(short_name(kind.wire_name), payload)
    assert shown.keys() == payload.keys()
    if not issubclass(kind, ParticipantState) and "match" not in kind.wire_name:
        return
    assert {shown[field] for field in PERSONAL & payload.keys()} <= {MASKED}


def test_a_field_that_a_later_version_adds_is_masked() -> None:
    shown = masked("match.proposed", {"match_id": "m", "her_new_field": "secret"})
    assert shown == {"match_id": "m", "her_new_field": MASKED}
    assert has_masked("match.proposed", {"her_new_field": "secret"})


def test_why_somebody_declined_is_hers_and_why_a_message_failed_is_ours() -> None:
    assert masked("match.declined", {"reason": "too_far"}) == {"reason": MASKED}
    assert masked("message.failed", {"reason": "gave_up"}) == {"reason": "gave_up"}


def test_the_record_in_a_letter_is_masked_and_where_it_lies_is_not() -> None:
    shown = masked("record.parked", {"topic": "matches", "offset": 3, "value": "e30=", "key": "x"})
    assert shown == {"topic": "matches", "offset": 3, "value": MASKED, "key": MASKED}


def test_what_is_about_nobody_is_not_masked() -> None:
    assert not has_masked("programme.changed", {"policy": {}})
