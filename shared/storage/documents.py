"""One document while a batch works on it: folds changes, gives events their ids, keeps the marks.

What must stay true: a change either leaves the document as it was, or its new state, its events, its
mark and its answer go into the same write.
"""

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar

from bson.binary import Binary

from shared.decisions import Decision, Refusal, RefusalKind
from shared.events.dead_letters import ParkReason, RecordParked
from shared.events.payload import Payload
from shared.events.streams import CONTACTS, PARTICIPANTS
from shared.events.wire import Event, Record, event_id, headers_of
from shared.storage.changes import Cause, Change, Outcome, Status
from shared.storage.database import Document

State = TypeVar("State")

_ANSWERS_KEPT: Final = 20
_NEVER_QUOTED: Final = frozenset({PARTICIPANTS.name, CONTACTS.name})


class KeyUsedOtherwise(Refusal):
    """The same Idempotency-Key came with another request."""

    kind = RefusalKind.INVALID


class WorkingDocument(Generic[State]):
    """A loaded (or not yet existing) document, and what the batch has made of it so far."""

    def __init__(
        self,
        document_id: str,
        stored: Document | None,
        read: Callable[[Any], State],
        consumer: str,
    ) -> None:
        self.id = document_id
        self.is_new = stored is None
        stored = stored or {}
        self.version: int = stored.get("version", 0)
        self.state: State | None = read(stored["state"]) if "state" in stored else None
        self.seen: dict[str, list[int]] = stored.get("seen", {})
        self.parked: dict[str, list[Document]] = stored.get("parked", {})
        self.sequences: dict[str, int] = stored.get("sequences", {})
        self.outbox: list[Document] = stored.get("outbox", [])
        self.answers: list[Document] = stored.get("answers", [])
        self.new_entries: list[Document] = []
        self.last_states: dict[str, Document] = {}
        self.touched: set[str] = set()
        self._consumer = consumer
        self._failed: set[str] = set()

    @property
    def is_changed(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.touched)

    @property
    def unsent(self) -> list[Document]:
        """The whole outbox once this is written, lowest sequence of each stream first."""
        return [*self.outbox, *self.new_entries]

    def apply(self, change: Change[State]) -> Outcome[State]:
        """Folds one change into the document."""
        if change.mark is not None:
            settled = self._settle_by_mark(change, change.mark)
            if settled is not None:
                return settled
        if change.idempotency is not None:
            for kept in self.answers:
                if kept["key"] == change.idempotency.key:
                    return self._answer_again(kept, change.idempotency.fingerprint)
        try:
            decision = change.decide(self.state)
        except Exception as error:  # noqa: BLE001  (the caller retries it and parks it in the end)
            if change.mark is not None:
                self._failed.add(change.mark.stream.name)
            return Outcome(Status.FAILED, self.state, error=error)
        if isinstance(decision, Refusal):
            if change.mark is not None:
                unblocked = self._set_mark(change.mark)
                return Outcome(Status.REFUSED, self.state, refusal=decision, unblocked=unblocked)
            return Outcome(Status.REFUSED, self.state, refusal=decision)
        unblocked = self._set_mark(change.mark) if change.mark is not None else ()
        if decision is None:
            return Outcome(Status.UNCHANGED, self.state, unblocked=unblocked)
        ids = self._accept(decision, change.cause)
        if change.idempotency is not None:
            answer = change.idempotency.answer(decision.state)
            self.answers = [
                *self.answers[1 - _ANSWERS_KEPT :],
                {
                    "key": change.idempotency.key,
                    "fingerprint": change.idempotency.fingerprint,
                    "answer": answer,
                },
            ]
            self.touched.add("answers")
            return Outcome(Status.CHANGED, self.state, answer=answer, event_ids=ids)
        return Outcome(Status.CHANGED, self.state, event_ids=ids, unblocked=unblocked)

    def _accept(self, decision: Decision[State], cause: Cause) -> tuple[str, ...]:
        if decision.state != self.state:
            self.state = decision.state
            self.touched.add("state")
        return tuple(self._emit(payload, cause) for payload in decision.events)

    def _emit(self, payload: Payload, cause: Cause) -> str:
        stream = payload.stream
        sequence = self.sequences.get(stream.name, 0) + 1
        self.sequences[stream.name] = sequence
        entry: Document = {
            "id": event_id(stream.name, payload.subject, sequence),
            "stream": stream.name,
            "sequence": sequence,
            "key": payload.partition_key,
            "headers": headers_of(
                payload,
                sequence,
                cause.time,
                correlation_id=cause.correlation_id,
                causation_id=cause.causation_id,
                traceparent=cause.traceparent,
            ),
            "value": payload.model_dump_json(exclude_none=True).encode(),
            "at": datetime.now(UTC),
        }
        self.new_entries.append(entry)
        if stream.is_compacted:
            self.last_states[stream.name] = entry
        self.touched.add("outbox")
        return str(entry["id"])

    def _answer_again(self, kept: Document, fingerprint: str) -> Outcome[State]:
        if kept["fingerprint"] == fingerprint:
            return Outcome(Status.ANSWERED, self.state, answer=kept["answer"])
        refusal = KeyUsedOtherwise(
            "This Idempotency-Key was used for another request; send a new key."
        )
        return Outcome(Status.REFUSED, self.state, refusal=refusal)

    def would_admit(self, event: Event[Payload]) -> bool:
        """Whether it is the event's turn; if so, those after it are judged as if it were applied."""
        stream = event.stream.name
        last, count = self.seen.get(stream, (0, 0))
        if count and event.sequence <= last:
            return False
        if any(kept["sequence"] < event.sequence for kept in self.parked.get(stream, [])):
            return False
        if count and not event.stream.is_compacted and event.sequence > last + 1:
            return False
        self.seen[stream] = [event.sequence, count + 1]
        return True

    # The marks of incoming events -----------------------------------------------------------

    def _settle_by_mark(
        self, change: Change[State], event: Event[Payload]
    ) -> Outcome[State] | None:
        """The outcome, if the event is not to be applied now; None if it is its turn."""
        stream = event.stream.name
        last, count = self.seen.get(stream, (0, 0))
        if count and event.sequence <= last:
            return Outcome(Status.DUPLICATE, self.state)
        if stream in self._failed:
            return Outcome(Status.BEHIND_FAILED, self.state)
        waiting = self.parked.get(stream, [])
        if any(kept["sequence"] < event.sequence for kept in waiting):
            return self._park(event)
        if count and not event.stream.is_compacted and event.sequence > last + 1:
            missing = f"{stream} {last + 1} to {event.sequence - 1} of this subject have not come"
            return self._park(
                event, letter=(ParkReason.MISSING_BEFORE, missing, 0), cause=change.cause
            )
        if change.parking is not None:
            letter = (ParkReason.HANDLER_FAILED, change.parking.why, change.parking.attempts)
            return self._park(event, letter=letter, cause=change.cause)
        return None

    def _set_mark(self, event: Event[Payload]) -> tuple[Record, ...]:
        """Notes the event as applied; returns those that waited for it and may come now."""
        stream = event.stream.name
        _, count = self.seen.get(stream, (0, 0))
        self.seen[stream] = [event.sequence, count + 1]
        self.touched.add("seen")
        waiting = self.parked.get(stream)
        if not waiting:
            return ()
        left = [kept for kept in waiting if kept["sequence"] > event.sequence]
        if len(left) != len(waiting):
            self.parked[stream] = left
            self.touched.add("parked")
        if left and (event.stream.is_compacted or left[0]["sequence"] == event.sequence + 1):
            return tuple(record_of(stream, kept) for kept in left[:1])
        return ()

    def _park(
        self,
        event: Event[Payload],
        letter: tuple[ParkReason, str, int] | None = None,
        cause: Cause | None = None,
    ) -> Outcome[State]:
        stream = event.stream.name
        waiting = self.parked.get(stream, [])
        if any(kept["sequence"] == event.sequence for kept in waiting):
            return Outcome(Status.PARKED, self.state)
        record = event.record
        if record is None:
            raise ValueError(f"{event.id} came from no record, so it cannot be parked.")
        self.parked[stream] = sorted(
            [*waiting, _parked(event.sequence, record)], key=lambda kept: kept["sequence"]
        )
        self.touched.add("parked")
        if letter is not None and cause is not None:
            self._emit(
                dead_letter(record, self._consumer, *letter, cause.time, event.programme), cause
            )
        return Outcome(Status.PARKED, self.state)


def dead_letter(
    record: Record,
    consumer: str,
    reason: ParkReason,
    why: str,
    attempts: int,
    now: datetime,
    programme: str = "",
) -> RecordParked:
    """The letter about one record. Personal streams are named by their coordinates only."""
    quotable = record.topic not in _NEVER_QUOTED
    return RecordParked(
        programme=programme,
        letter_id=f"{consumer}.{record.topic}.{record.partition}.{record.offset}",
        consumer=consumer,
        reason=reason,
        why=why,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=_text(record.key),
        headers=tuple((name, _text(value) or "") for name, value in record.headers)
        if quotable
        else (),
        value=_base64(record.value) if quotable else None,
        attempts=attempts,
        parked_at=now,
    )


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode(errors="backslashreplace")


def _base64(raw: bytes | None) -> str | None:
    return None if raw is None else base64.b64encode(raw).decode()


def _parked(sequence: int, record: Record) -> Document:
    return {
        "sequence": sequence,
        "partition": record.partition,
        "offset": record.offset,
        "key": record.key,
        "headers": [[name, value] for name, value in record.headers],
        "value": record.value,
    }


def record_of(stream: str, kept: Mapping[str, Any]) -> Record:
    """A parked event, as it came."""
    return Record(
        topic=stream,
        partition=kept["partition"],
        offset=kept["offset"],
        key=_bytes(kept["key"]),
        headers=tuple((name, bytes(value)) for name, value in kept["headers"]),
        value=_bytes(kept["value"]),
    )


def _bytes(raw: Binary | bytes | None) -> bytes | None:
    return None if raw is None else bytes(raw)
