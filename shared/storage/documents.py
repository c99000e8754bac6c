"""One document while a batch works on it: folds changes, gives events their ids, keeps the marks.

What must stay true: a change either leaves the document as it was, or its new state, its events, its
mark and its answer go into the same write.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar

from shared.decisions import Decision, Refusal, RefusalKind
from shared.events.dead_letters import ParkReason, RecordDiscarded, RecordReleased
from shared.events.payload import Payload
from shared.events.wire import Event, Record, event_id, headers_of
from shared.storage.changes import Cause, Change, Outcome, Status
from shared.storage.database import Document
from shared.storage.parked import (
    Discarding,
    dead_letter,
    is_gap,
    letter_id_of,
    parked_document,
    record_of,
    text_of,
)

State = TypeVar("State")

_ANSWERS_KEPT: Final = 20


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
        self._read = read
        # Read when it is first asked for: whether an event is admitted, its marks alone say.
        self._unread: Any = stored.get("state")
        self._state: State | None = None
        # Copies of what is changed in place: one reading may be worked on twice.
        self.seen: dict[str, list[int]] = dict(stored.get("seen", {}))
        self.parked: dict[str, list[Document]] = dict(stored.get("parked", {}))
        self.discarded: dict[str, list[list[int]]] = dict(stored.get("discarded", {}))
        self.sequences: dict[str, int] = dict(stored.get("sequences", {}))
        self.outbox: list[Document] = stored.get("outbox", [])
        self.answers: list[Document] = stored.get("answers", [])
        self.new_entries: list[Document] = []
        self.last_states: dict[str, Document] = {}
        self.touched: set[str] = set()
        self._consumer = consumer
        self._failed: set[str] = set()

    @property
    def state(self) -> State | None:
        """The state as the changes so far have made it; None where there is none yet."""
        if self._unread is not None:
            self._state, self._unread = self._read(self._unread), None
        return self._state

    @state.setter
    def state(self, state: State | None) -> None:
        self._state, self._unread = state, None

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
        if change.mark is not None and change.discarding is not None:
            return self._discard(change.mark, change.discarding, change.cause)
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
                unblocked = self._set_mark(change.mark, change.cause)
                return Outcome(Status.REFUSED, self.state, refusal=decision, unblocked=unblocked)
            return Outcome(Status.REFUSED, self.state, refusal=decision)
        unblocked = self._set_mark(change.mark, change.cause) if change.mark is not None else ()
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

    def _emit(self, payload: Payload, cause: Cause, sequence: int | None = None) -> str:
        """sequence: where the subject is not this document but a letter, which has its own."""
        stream = payload.stream
        self.sequences[stream.name] = self.sequences.get(stream.name, 0) + 1
        sequence = sequence or self.sequences[stream.name]
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
        if event.sequence <= last:
            return False
        if any(kept["sequence"] < event.sequence for kept in self.parked.get(stream, [])):
            return False
        if is_gap(stream, last, event.sequence):
            return False
        self.seen[stream] = [event.sequence, count + 1]
        return True

    # The marks of incoming events -----------------------------------------------------------

    def _settle_by_mark(
        self, change: Change[State], event: Event[Payload]
    ) -> Outcome[State] | None:
        """The outcome, if the event is not to be applied now; None if it is its turn."""
        stream = event.stream.name
        last, _ = self.seen.get(stream, (0, 0))
        if event.sequence <= last:
            return Outcome(Status.DUPLICATE, self.state)
        if stream in self._failed:
            return Outcome(Status.BEHIND_FAILED, self.state)
        waiting = self.parked.get(stream, [])
        if any(kept["sequence"] < event.sequence for kept in waiting):
            return self._park(event)
        if is_gap(stream, last, event.sequence):
            missing = f"{stream} {last + 1} to {event.sequence - 1} of this subject have not come"
            return self._park(
                event, letter=(ParkReason.MISSING_BEFORE, missing, 0), cause=change.cause
            )
        if change.parking is not None:
            letter = (ParkReason.HANDLER_FAILED, change.parking.why, change.parking.attempts)
            return self._park(event, letter=letter, cause=change.cause)
        return None

    def _set_mark(self, event: Event[Payload], cause: Cause) -> tuple[Record, ...]:
        """Notes the event as applied; returns those that waited for it and may come now."""
        stream = event.stream.name
        _, count = self.seen.get(stream, (0, 0))
        self.seen[stream] = [event.sequence, count + 1]
        self.touched.add("seen")
        waiting = self.parked.get(stream)
        if not waiting:
            return ()
        for kept in waiting:
            if kept["sequence"] <= event.sequence and kept.get("letter", {}).get("is_open"):
                self._settle(RecordReleased(**self._letter_about(event, kept)), kept, cause)
        return self._go_on_behind(event)

    def _go_on_behind(self, event: Event[Payload]) -> tuple[Record, ...]:
        """Lets go of what waited up to this event; returns the next, if it is its turn."""
        stream = event.stream.name
        waiting = self.parked[stream]
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
        kept = next((one for one in waiting if one["sequence"] == event.sequence), None)
        if kept is None:
            if event.record is None:
                raise ValueError(f"{event.id} came from no record, so it cannot be parked.")
            kept = parked_document(event, event.record)
            self.parked[stream] = sorted([*waiting, kept], key=lambda one: one["sequence"])
            self.touched.add("parked")
        if letter is not None and cause is not None and not kept.get("letter", {}).get("is_open"):
            record = record_of(stream, kept)
            parked = dead_letter(record, self._consumer, *letter, cause.time, event.programme)
            before = kept.get("letter", {}).get("sequence")
            self._emit(parked, cause, before and before + 1)
            sequence = before + 1 if before else self.sequences[parked.stream.name]
            kept["letter"] = {"sequence": sequence, "is_open": True}
            self.touched.add("parked")
        return Outcome(Status.PARKED, self.state)

    # Giving up ------------------------------------------------------------------------------

    def _discard(
        self, event: Event[Payload], discarding: Discarding, cause: Cause
    ) -> Outcome[State]:
        """Gives up the first event that waits; if others are missing before it, those instead.

        Its subject goes on: the sequences count as seen, not as applied, and `discarded` names them.
        """
        stream = event.stream.name
        waiting: Sequence[Document] = self.parked.get(stream, [])
        if not waiting or waiting[0]["sequence"] != event.sequence:
            return Outcome(Status.UNCHANGED, self.state)
        first = waiting[0]
        last, count = self.seen.get(stream, (0, 0))
        is_missing = is_gap(stream, last, event.sequence)
        given_up = [last + 1, event.sequence - 1] if is_missing else [event.sequence] * 2
        self.discarded.setdefault(stream, []).append(given_up)
        self.seen[stream] = [given_up[1], count]
        self.touched |= {"seen", "discarded", "parked"}
        discarded = RecordDiscarded(
            **self._letter_about(event, first),
            by=discarding.by,
            reason=discarding.reason,
            reference=discarding.reference,
            first_sequence=given_up[0],
            last_sequence=given_up[1],
        )
        self._settle(discarded, first, cause)
        if is_missing:
            return Outcome(Status.CHANGED, self.state, unblocked=(record_of(stream, first),))
        return Outcome(Status.CHANGED, self.state, unblocked=self._go_on_behind(event))

    def _letter_about(self, event: Event[Payload], kept: Document) -> dict[str, Any]:
        """What the events that settle a letter have in common."""
        record = record_of(event.stream.name, kept)
        return {
            "programme": event.programme,
            "letter_id": letter_id_of(self._consumer, record),
            "consumer": self._consumer,
            "topic": record.topic,
            "key": text_of(record.key),
        }

    def _settle(
        self, payload: RecordReleased | RecordDiscarded, kept: Document, cause: Cause
    ) -> None:
        sequence = kept.get("letter", {}).get("sequence", 0) + 1
        self._emit(payload, cause, sequence)
        kept["letter"] = {"sequence": sequence, "is_open": False}
        self.touched.add("parked")
