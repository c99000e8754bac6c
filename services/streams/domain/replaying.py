"""Sending a stream's range again from the journal: what may be sent, and how far it is. Pure.

What must stay true: an event that is sent again is the same event, with the same id and sequence, so whoever
has applied it drops it. Compacted streams are never sent again: Kafka would keep the old state as the last
word, for a participant who was erased as well. Their owner sends them again, see `RESEND_STATE`.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from services.streams.domain.entries import Entry
from shared.decisions import Decision, Refusal, RefusalKind
from shared.events.asyncapi import SERVICES
from shared.events.payload import Payload
from shared.events.streams import ALL_STREAMS, BY_NAME, DEAD_LETTERS, RIGHTS
from shared.events.wire import CONTENT_TYPE, REPLAY_TO, SPEC_VERSION, rfc3339

REPLAYED: Final = tuple(
    stream.name
    for stream in ALL_STREAMS
    if not stream.is_compacted and stream not in (DEAD_LETTERS, RIGHTS)
)
"""Streams whose events can be sent again from the journal, which does not keep what `rights` seals."""


class NotReplayed(Refusal):
    """The stream cannot be sent again from the journal, or nobody reads it by that name."""

    kind = RefusalKind.INVALID


class ReplayState(StrEnum):
    """How it stands."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Replay:
    """One order to send again. position: up to where the journal was read for it.

    to: the consumer that is meant; None for all who read the stream. after, until: positions, the
    first not included. start, stop: bounds of `ce_time`, the last not included.
    """

    stream: str
    to: str | None
    after: int
    until: int
    by: str
    position: int
    sent: int = 0
    state: ReplayState = ReplayState.RUNNING
    start: datetime | None = None
    stop: datetime | None = None

    @property
    def share(self) -> float:
        """How much of the range was read, 0 to 1."""
        whole = self.until - self.after
        return 1.0 if whole <= 0 else (self.position - self.after) / whole


def refused(stream: str, to: str | None) -> NotReplayed | None:
    """Why this cannot be sent again; None if it can."""
    if stream not in REPLAYED:
        detail = f"Streams that can be sent again are {', '.join(REPLAYED)}."
        if stream in BY_NAME and BY_NAME[stream].is_compacted:
            owner = BY_NAME[stream].owner
            detail += (
                f" {stream!r} carries state, which only {owner} may put there: start {owner} once "
                "with RESEND_STATE=1."
            )
        return NotReplayed(detail)
    readers = [
        f"{service}.{stream}"
        for service, streams in SERVICES.items()
        if stream in {one.name for one in streams} and service != "streams"
    ]
    if to is not None and to not in readers:
        return NotReplayed(
            f"{to!r} does not read {stream!r}; those who do are {', '.join(readers)}."
        )
    return None


def advanced(
    replay: Replay | None, before: int, position: int, sent: int
) -> Decision[Replay] | None:
    """A page was sent. Nothing, if another process was there first or it was stopped."""
    if replay is None or replay.state is not ReplayState.RUNNING or replay.position != before:
        return None
    state = ReplayState.DONE if position >= replay.until else ReplayState.RUNNING
    return Decision(replace(replay, position=position, sent=replay.sent + sent, state=state))


def stopped(replay: Replay | None) -> Decision[Replay] | None:
    """Somebody stopped it."""
    if replay is None or replay.state is not ReplayState.RUNNING:
        return None
    return Decision(replace(replay, state=ReplayState.STOPPED))


def payload_of(entry: Entry) -> Payload:
    """The entry's data as the event's payload. Raises `ValidationError`, a `ValueError`."""
    payload_class = Payload.of_name(entry.type)
    if payload_class is None:
        raise ValueError(f"{entry.type!r} is no event of the contract")
    return payload_class.model_validate(entry.payload, strict=False, extra="ignore")


def headers_again(entry: Entry, payload: Payload, to: str | None) -> dict[str, str]:
    """The headers that the event had, and for whom it is sent again: last, where consumers look for it.

    Without `traceparent`, which the journal does not keep.
    """
    optional: dict[str, Any] = {
        "ce_city": entry.city,
        "ce_causationid": entry.causation_id,
        REPLAY_TO: to,
    }
    return {
        "ce_specversion": SPEC_VERSION,
        "ce_id": entry.id,
        "ce_type": entry.type,
        "ce_source": f"/{payload.stream.owner}/{entry.stream}",
        "ce_subject": entry.subject,
        "ce_partitionkey": payload.partition_key,
        "ce_time": rfc3339(entry.time),
        "ce_sequence": str(entry.sequence),
        "ce_programme": entry.programme,
        "ce_correlationid": entry.correlation_id,
        "content-type": CONTENT_TYPE,
        **{name: value for name, value in optional.items() if value is not None},
    }
