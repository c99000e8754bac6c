"""What somebody asks of her data: a copy of all of it, or that it is forgotten. Pure.

A request waits for the answers of all five services, so one that is down is waited for. What must
stay true: without `key` nobody can read an export's pieces, here, in Kafka or in a backup; a finished
erasure names nobody: it is the proof that everything was forgotten, where and when.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from services.intake.domain.refusals import ExportGone, NoSuchRequest
from shared.decisions import Decision, Refusal
from shared.events.payload import Payload
from shared.events.rights import (
    DoneState,
    ErasureCause,
    ErasureFinished,
    ErasureRequested,
    ExportDone,
    ExportReady,
    ExportRequested,
    RightsState,
    Service,
)
from shared.events.wire import Event

EXPORT_KEPT: Final = timedelta(days=7)
"""How long she can fetch her data; then key and pieces are deleted."""
LATE_AFTER: Final = timedelta(hours=24)
"""The law gives a month; after a day all are asked again, and somebody should look who is silent."""


class Kind(StrEnum):
    """What is asked for."""

    EXPORT = "export"
    ERASURE = "erasure"


@dataclass(frozen=True, slots=True)
class Answer:
    """One service's answer: when it was complete, about how many records, and its sealed pieces."""

    service: Service
    records: int
    complete_at: datetime | None
    pieces: tuple[bytes | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `participant_id` is None once an erasure is finished.

    key, public_key: of an export; the private one until it is deleted. late_at: when those who have
    not answered were last asked again. finished_at: when the last answer had come.
    """

    request_id: str
    programme: str
    kind: Kind
    participant_id: str | None
    requested_at: datetime
    because: ErasureCause = ErasureCause.OWN_WISH
    key: bytes | None = None
    public_key: str = ""
    answers: tuple[Answer, ...] = ()
    finished_at: datetime | None = None
    late_at: datetime | None = None

    @property
    def missing(self) -> tuple[Service, ...]:
        """The services that have not answered yet."""
        complete = {each.service for each in self.answers if each.complete_at is not None}
        return tuple(service for service in Service if service not in complete)

    @property
    def records(self) -> int:
        """How many records it was about, in all services."""
        return sum(answer.records for answer in self.answers)

    @property
    def is_ready(self) -> bool:
        """Whether she can fetch her data."""
        return self.kind is Kind.EXPORT and self.finished_at is not None and self.key is not None

    @property
    def wake_at(self) -> datetime | None:
        """When time has something to do: ask again for late answers, or delete what was kept."""
        if self.finished_at is None:
            return (self.late_at or self.requested_at) + LATE_AFTER
        return self.finished_at + EXPORT_KEPT if self.key is not None else None


def ask_for_export(
    request_id: str,
    participant_id: str,
    programme: str,
    keys: tuple[bytes, str],
    now: datetime,
) -> Decision[Request]:
    """She wants a copy of everything. `keys`: a fresh private key, and its public one in base64."""
    private, public = keys
    request = Request(
        request_id, programme, Kind.EXPORT, participant_id, now, key=private, public_key=public
    )
    return Decision(request, (_asking(request, participant_id),))


def ask_for_erasure(
    request_id: str, participant_id: str, programme: str, because: ErasureCause, now: datetime
) -> Decision[Request]:
    """She is to be forgotten."""
    request = Request(request_id, programme, Kind.ERASURE, participant_id, now, because)
    return Decision(request, (_asking(request, participant_id),))


def _asking(request: Request, participant_id: str) -> Payload:
    about: dict[str, Any] = {
        "programme": request.programme,
        "request_id": request.request_id,
        "participant_id": participant_id,
        "requested_at": request.requested_at,
    }
    if request.kind is Kind.EXPORT:
        return ExportRequested(**about, public_key=request.public_key)
    return ErasureRequested(**about, because=request.because)


def hear_answer(
    request: Request | None, done: DoneState, now: datetime
) -> Decision[Request] | None:
    """A service has answered, or sent a piece of its answer. With the last one the request is done."""
    if request is None or request.finished_at is not None or request.participant_id is None:
        return None
    before = next((each for each in request.answers if each.service is done.service), None)
    if before is not None and before.complete_at is not None:
        return None
    answer = _with_piece(before, done, now)
    others = tuple(each for each in request.answers if each.service is not done.service)
    request = replace(request, answers=(*others, answer))
    if request.missing:
        return Decision(request)
    return _finished(request, done.participant_id, now)


def _with_piece(before: Answer | None, done: DoneState, now: datetime) -> Answer:
    if not isinstance(done, ExportDone):
        return Answer(done.service, done.records, now)
    pieces: list[bytes | None] = [None] * done.pieces
    if before is not None:
        pieces[:] = before.pieces
    pieces[done.piece - 1] = base64.b64decode(done.sealed)
    complete_at = now if None not in pieces else None
    return Answer(done.service, done.records, complete_at, tuple(pieces))


def _finished(request: Request, participant_id: str, now: datetime) -> Decision[Request]:
    finished = replace(request, finished_at=now)
    event: Payload
    if request.kind is Kind.EXPORT:
        event = ExportReady(
            programme=request.programme,
            request_id=request.request_id,
            participant_id=participant_id,
            requested_at=request.requested_at,
            until=now + EXPORT_KEPT,
        )
        return Decision(finished, (event,))
    event = ErasureFinished(
        programme=request.programme,
        request_id=request.request_id,
        participant_id=participant_id,
        requested_at=request.requested_at,
        records=request.records,
    )
    return Decision(replace(finished, participant_id=None), (event,))


def sealed_pieces(
    request: Request | None, participant_id: str
) -> tuple[bytes, Mapping[Service, tuple[bytes, ...]]] | Refusal:
    """The key and all pieces of her own export; or why there is nothing to fetch."""
    if request is None or request.kind is not Kind.EXPORT:
        return NoSuchRequest()
    if request.participant_id != participant_id:
        return NoSuchRequest()
    if request.key is None:
        return ExportGone()
    if not request.is_ready:
        return NoSuchRequest("Your data are still being put together; a message tells you when.")
    return request.key, {
        answer.service: tuple(piece for piece in answer.pieces if piece is not None)
        for answer in request.answers
    }


def shred(request: Request | None) -> Decision[Request] | None:
    """Deletes the key and all pieces: what is left of them anywhere else cannot be read any more."""
    if request is None or (request.key is None and not any(a.pieces for a in request.answers)):
        return None
    answers = tuple(replace(answer, pieces=()) for answer in request.answers)
    return Decision(replace(request, key=None, answers=answers))


def forget_request(request: Request | None, now: datetime) -> Decision[Request] | None:
    """She is forgotten: of what she asked for before only that it was asked is left."""
    if request is None or request.kind is Kind.ERASURE or request.participant_id is None:
        return None
    shredded = shred(request)
    request = shredded.state if shredded is not None else request
    return Decision(replace(request, participant_id=None, finished_at=request.finished_at or now))


def on_time(request: Request, now: datetime) -> Decision[Request] | None:
    """Asks again where an answer is late; or the days in which she could fetch her data are over.

    Whoever has answered does so again, which changes nothing.
    """
    if request.finished_at is None and request.participant_id is not None:
        return Decision(replace(request, late_at=now), (_asking(request, request.participant_id),))
    return shred(request)


def recalled(kept: Request | None, told: Sequence[Event[RightsState]]) -> Request | None:
    """A request as it was told of, after the database came back from an older backup; None if of none.

    told: its events and the answers to it that the backup does not know of, in order of time. The key
    of an export is in no event: one that the backup does not have is over, and she asks again. Unless its
    end was told, the answers are left to whoever consumes them, who then tells it.
    """
    request = kept
    is_over = any(isinstance(event.payload, ExportReady | ErasureFinished) for event in told)
    for event in told:
        payload = event.payload
        if isinstance(payload, DoneState):
            if not is_over:
                continue
            heard = hear_answer(request, payload, event.time)
            request = heard.state if heard is not None else request
        elif request is None:
            request = _bare(payload, event.time)
    return request


def _bare(told: RightsState, at: datetime) -> Request | None:
    names = told.request_id, told.programme
    if isinstance(told, ExportRequested):
        return Request(*names, Kind.EXPORT, told.participant_id, told.requested_at, finished_at=at)
    if isinstance(told, ErasureRequested):
        return Request(*names, Kind.ERASURE, told.participant_id, told.requested_at, told.because)
    return None
