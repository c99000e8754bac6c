"""How every service answers for one person's data: gives all of it, or forgets it, and says so.

The same in all five: `export.requested` is answered with this service's part, sealed to the key of
that request, in pieces below Kafka's limit; `erasure.requested` with how much was forgotten. A service
says what is hers by a `PersonalData`; the rest is here. A request that comes again is answered once.
"""

import base64
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol, TypeAlias

from pydantic_core import from_json, to_json

from shared.clock import Clock
from shared.decisions import Decision
from shared.events.payload import Payload
from shared.events.rights import (
    ErasureDone,
    ErasureRequested,
    ExportDone,
    ExportRequested,
    RightsState,
    Service,
)
from shared.events.streams import RIGHTS
from shared.events.wire import Event
from shared.messaging.reactions import Effect, Effects, Pipeline, Reaction
from shared.security.sealing import open_sealed, seal
from shared.storage.aggregates import Aggregates
from shared.storage.changes import Cause

Gathered: TypeAlias = Mapping[str, Sequence[Any]]
"""Records (JSON after pydantic's manner) by what they are: `{"mentorships": [{…}, …]}`."""

_PIECE_BYTES: Final = 384 * 1024
"""Before base64: with it and the envelope well below Kafka's limit of 1 MiB."""


class PersonalData(Protocol):
    """What one service holds about people."""

    async def gather(self, participant_id: str) -> Gathered:
        """Everything about her. Others' data and others' words are theirs, not hers."""

    async def forget(self, participant_id: str, cause: Cause, /) -> int:
        """Erases everything about her; can be repeated. How many records it was about.

        Whatever comes about her later must not bring anything back.
        """


@dataclass(frozen=True, slots=True)
class RequestMark:
    """Never made: of a request only the mark is kept that its events were applied."""


@dataclass(frozen=True, slots=True)
class Answered:
    """That a request was answered: the last event of it that was, and about how many records."""

    sequence: int
    records: int


class Rights:
    """This service's answers. `homes` and `answers` are prefixes of the service's `known`."""

    def __init__(
        self,
        service: Service,
        homes: Aggregates[RequestMark],
        answers: Aggregates[Answered],
        data: PersonalData,
        pipeline: Pipeline,
        clock: Clock,
        *,
        also: Effects | None = None,
    ) -> None:
        self._service = service
        self._answers = answers
        self._data = data
        self._pipeline = pipeline
        self._clock = clock
        self._also = also
        self._reaction: Reaction[RequestMark] = Reaction(
            RIGHTS, homes, lambda *_: None, effects=self._effects
        )

    async def follow(self, batch: Sequence[Event[Any]]) -> None:
        """Answers the requests of a batch."""
        await self._pipeline.apply(batch, self._reaction)

    async def _effects(
        self, events: Sequence[Event[Any]], now: datetime
    ) -> Sequence[Effect[Answered]]:
        effects: list[Effect[Any]] = []
        for event in events:
            if isinstance(event.payload, ExportRequested):
                effects.append(self._answering(event, *await self._exported(event.payload)))
            elif isinstance(event.payload, ErasureRequested):
                effects.append(self._answering(event, *await self._erased(event)))
        if self._also is not None:
            effects += await self._also(events, now)
        return effects

    async def _exported(self, request: ExportRequested) -> tuple[int, tuple[Payload, ...]]:
        gathered = await self._data.gather(request.participant_id)
        records = sum(len(found) for found in gathered.values())
        packed = zlib.compress(to_json(gathered))
        cuts = range(0, len(packed), _PIECE_BYTES)
        public_key = base64.b64decode(request.public_key, validate=True)
        return records, tuple(
            ExportDone(
                **self._about(request),
                records=records,
                piece=number,
                pieces=len(cuts),
                sealed=base64.b64encode(
                    seal(
                        packed[cut : cut + _PIECE_BYTES],
                        public_key,
                        _about(request.request_id, self._service, number, len(cuts)),
                    )
                ).decode(),
            )
            for number, cut in enumerate(cuts, start=1)
        )

    async def _erased(self, event: Event[Any]) -> tuple[int, tuple[Payload, ...]]:
        cause = Cause.of(event, self._clock.now())
        records = await self._data.forget(event.payload.participant_id, cause)
        return records, (ErasureDone(**self._about(event.payload), records=records),)

    def _about(self, request: RightsState) -> dict[str, Any]:
        return {
            "programme": request.programme,
            "request_id": request.request_id,
            "participant_id": request.participant_id,
            "requested_at": request.requested_at,
            "service": self._service,
        }

    def _answering(
        self, event: Event[Any], records: int, answer: tuple[Payload, ...]
    ) -> Effect[Answered]:
        def decide(before: Answered | None) -> Decision[Answered] | None:
            if before is not None and before.sequence >= event.sequence:
                return None
            return Decision(Answered(event.sequence, records), answer)

        answer_id = f"{event.payload.request_id}.{self._service}"
        return Effect(event, self._answers, answer_id, decide)


def open_part(
    request_id: str, service: Service, pieces: Sequence[bytes], private_key: bytes
) -> dict[str, list[Any]]:
    """One service's part, from all of its sealed pieces in order. Raises `SealBroken`."""
    packed = b"".join(
        open_sealed(piece, private_key, _about(request_id, service, number, len(pieces)))
        for number, piece in enumerate(pieces, start=1)
    )
    opened: dict[str, list[Any]] = from_json(zlib.decompress(packed))
    return opened


def _about(request_id: str, service: Service, piece: int, pieces: int) -> str:
    """What a piece is sealed for, so that none can stand in another's place."""
    return f"{request_id}/{service}/{piece}/{pieces}"
