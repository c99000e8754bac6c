"""A request for data or erasure, from asking to the proof. Pure."""

import base64
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain import requests
from services.intake.domain.refusals import ExportGone, NoSuchRequest
from services.intake.domain.requests import EXPORT_KEPT, LATE_AFTER, Request
from shared.decisions import Decision
from shared.events.payload import Payload
from shared.events.rights import (
    DoneState,
    ErasureCause,
    ErasureDone,
    ErasureFinished,
    ExportDone,
    ExportReady,
    Service,
)
from shared.events.wire import Event
from tests.unit.streams.examples import event as an_event

NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)
LATER = NOW + timedelta(minutes=2)


def an_export() -> Request:
    return requests.ask_for_export("r", "her", "kvinfo", (b"private", "public"), NOW).state


def an_erasure() -> Request:
    asked = requests.ask_for_erasure("r", "her", "kvinfo", ErasureCause.OWN_WISH, NOW)
    return asked.state


def exported(service: Service, piece: int = 1, pieces: int = 1) -> ExportDone:
    return ExportDone(
        **_about(service),
        piece=piece,
        pieces=pieces,
        sealed=base64.b64encode(f"{service}{piece}".encode()).decode(),
    )


def erased(service: Service) -> ErasureDone:
    return ErasureDone(**_about(service))


def _about(service: Service) -> dict[str, Any]:
    return {
        "programme": "kvinfo",
        "request_id": "r",
        "participant_id": "her",
        "requested_at": NOW,
        "service": service,
        "records": 2,
    }


def heard(request: Request, *answers: DoneState) -> Decision[Request]:
    decision = Decision(request)
    for answer in answers:
        decision = requests.hear_answer(decision.state, answer, LATER) or decision
    return decision


def test_a_service_that_is_down_is_waited_for() -> None:
    but_one = [exported(service) for service in Service if service is not Service.MATCHING]
    decision = heard(an_export(), *but_one)
    assert decision.state.missing == (Service.MATCHING,)
    assert not decision.state.is_ready
    assert isinstance(requests.sealed_pieces(decision.state, "her"), NoSuchRequest)
    done = heard(decision.state, exported(Service.MATCHING))
    assert done.state.is_ready
    (told,) = done.events
    assert isinstance(told, ExportReady)
    assert told.until == LATER + EXPORT_KEPT


@given(st.permutations([(1, 3), (2, 3), (3, 3)]), st.integers(0, 2))
def test_pieces_come_in_any_order_and_more_than_once(
    order: list[tuple[int, int]], again: int
) -> None:
    others = [exported(service) for service in Service if service is not Service.STREAMS]
    pieces = [exported(Service.STREAMS, piece, of) for piece, of in [*order, order[again]]]
    request = heard(an_export(), *others, *pieces).state
    found = requests.sealed_pieces(request, "her")
    assert isinstance(found, tuple)
    assert found[1][Service.STREAMS] == (b"streams1", b"streams2", b"streams3")


def test_only_she_gets_her_data() -> None:
    request = heard(an_export(), *(exported(service) for service in Service)).state
    assert isinstance(requests.sealed_pieces(request, "somebody else"), NoSuchRequest)


def test_after_some_days_nobody_can_read_it_any_more() -> None:
    request = heard(an_export(), *(exported(service) for service in Service)).state
    assert request.wake_at == LATER + EXPORT_KEPT
    shredded = requests.on_time(request, LATER + EXPORT_KEPT)
    assert shredded is not None
    assert shredded.state.key is None
    assert all(answer.pieces == () for answer in shredded.state.answers)
    assert isinstance(requests.sealed_pieces(shredded.state, "her"), ExportGone)
    assert shredded.state.wake_at is None


@pytest.mark.parametrize("order", list(permutations(Service))[::17])
def test_the_proof_names_nobody(order: tuple[Service, ...]) -> None:
    decision = heard(an_erasure(), *(erased(service) for service in order))
    assert isinstance(decision.events[-1], ErasureFinished)
    assert decision.state.records == 10
    assert {answer.service for answer in decision.state.answers} == set(Service)
    assert "her" not in str(asdict(decision.state))
    assert heard(decision.state, erased(order[0])).state == decision.state


def test_who_is_late_with_an_answer_is_asked_again_every_day() -> None:
    request = heard(an_erasure(), erased(Service.INTAKE)).state
    assert request.wake_at == NOW + LATE_AFTER
    told = requests.on_time(request, NOW + LATE_AFTER)
    assert told is not None
    assert told.state.wake_at == NOW + 2 * LATE_AFTER
    assert (
        told.events
        == requests.ask_for_erasure("r", "her", "kvinfo", ErasureCause.OWN_WISH, NOW).events
    )


def test_who_is_forgotten_leaves_no_copy_of_her_data_behind() -> None:
    request = heard(an_export(), exported(Service.INTAKE)).state
    left = requests.forget_request(request, LATER)
    assert left is not None
    assert left.state.key is None
    assert left.state.participant_id is None
    assert not any(answer.pieces for answer in left.state.answers)
    assert heard(left.state, exported(Service.MATCHING)).state == left.state


def told(*payloads: Payload) -> list[Event[Any]]:
    """As Kafka has them, a minute apart."""
    return [
        an_event(payload, number, time=NOW + timedelta(minutes=number))
        for number, payload in enumerate(payloads, start=1)
    ]


def test_an_erasure_that_the_backup_does_not_have_has_its_proof_again() -> None:
    asked = requests.ask_for_erasure("r", "her", "kvinfo", ErasureCause.OWN_WISH, NOW)
    before, finished = asked.state, None
    for service in Service:
        heard = requests.hear_answer(before, erased(service), LATER)
        assert heard is not None
        before, finished = heard.state, heard
    assert finished is not None
    answers = [erased(service) for service in Service]
    again = requests.recalled(None, told(*asked.events, *answers, *finished.events))
    assert again is not None
    assert (again.participant_id, again.missing, again.records) == (None, (), 10)
    assert again.finished_at is not None


def test_what_was_not_told_to_be_over_is_left_to_whoever_consumes_the_answers() -> None:
    asked = requests.ask_for_erasure("r", "her", "kvinfo", ErasureCause.OWN_WISH, NOW)
    answers = [erased(service) for service in Service]
    assert requests.recalled(None, told(*asked.events, *answers)) == asked.state
    assert requests.recalled(None, told(*answers)) is None


def test_an_export_without_its_key_is_over_and_holds_up_no_other() -> None:
    asked = requests.ask_for_export("r", "her", "kvinfo", (b"private", "public"), NOW)
    again = requests.recalled(None, told(*asked.events, exported(Service.INTAKE)))
    assert again is not None
    assert again.finished_at is not None
    assert isinstance(requests.sealed_pieces(again, "her"), ExportGone)
    # The backup has this one, with its key.
    assert requests.recalled(asked.state, told(*asked.events)) == asked.state
