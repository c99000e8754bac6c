"""Poison and gaps: what cannot be applied waits in order, says so once, and loses nothing."""

import asyncio
import json
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.decisions import Decision
from shared.events.check_ins import CheckInDue, CheckInStatus
from shared.events.dead_letters import DiscardReason, ParkReason, RecordParked
from shared.events.streams import CHECK_INS
from shared.events.wire import Event, Record, decode, encode_headers, headers_of
from shared.messaging import reactions
from shared.messaging.parking import type_of
from shared.messaging.reactions import Reaction
from shared.storage.changes import Cause, Change
from shared.storage.parked import Discarding
from tests.unit.messaging.memory import Schedule
from tests.unit.messaging.test_crashes import NOW, Mirror, System, mirror


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reactions, "_BACKOFF_S", 0.0)


def an_event(sequence: int, subject: str = "a") -> Event[CheckInDue]:
    """The event with this sequence, as it would come from Kafka."""
    payload = CheckInDue(
        programme="p",
        match_id=subject,
        mentee_id="x",
        mentor_id="y",
        number=sequence,
        status=CheckInStatus.DUE,
        day=0,
        due_at=NOW,
    )
    headers = headers_of(
        payload, sequence, NOW, correlation_id="c", causation_id=None, traceparent=None
    )
    record = Record(
        "check-ins",
        0,
        sequence,
        subject.encode(),
        tuple(encode_headers(headers)),
        payload.model_dump_json().encode(),
    )
    return decode(record)  # type: ignore[return-value]


class Reader:
    """A consumer with a bug that can be switched on for one sequence, and mended."""

    def __init__(self) -> None:
        self.system = System(Schedule(is_quiet=True))
        self.bad: set[tuple[str, int]] = set()
        self.reaction = Reaction(CHECK_INS, self.system.mirrors, self.decide)

    def decide(
        self, state: Mirror | None, event: Event[CheckInDue], now: datetime
    ) -> Decision[Mirror]:
        if (event.subject, event.sequence) in self.bad:
            raise RuntimeError("secret words of a person")
        return mirror(state, event, now)

    def read(self, *events: Event[CheckInDue]) -> None:
        asyncio.run(self.system.pipeline.apply(events, self.reaction))

    def home(self, subject: str = "a") -> dict[str, Any]:
        kept: dict[str, Any] = self.system.reader_database.collection("mirrors").documents[subject]
        return kept

    def applied(self, subject: str = "a") -> list[int]:
        return list(self.home(subject).get("state", {}).get("numbers", ()))

    def waiting(self, subject: str = "a") -> list[int]:
        parked = self.home(subject).get("parked", {}).get("check-ins", [])
        return [kept["sequence"] for kept in parked]

    def letters(self) -> list[RecordParked]:
        """Dead letters that reached the topic."""
        return [
            RecordParked.model_validate_json(sent.value)
            for sent in self.system.topic.records
            if dict(sent.headers)["ce_type"].endswith(b"record.parked.v1")
        ]

    def discard(self, event: Event[CheckInDue]) -> None:
        """As `Parking.discard` does it: give up, then handle what came free."""

        async def give_up() -> None:
            discarding = Discarding("key-1", DiscardReason.NO_LONGER_MATTERS, "T-1")
            change: Change[Mirror] = Change(
                event.subject, lambda _: None, Cause.due(NOW), mark=event, discarding=discarding
            )
            outcome = await self.system.mirrors.change_one(change)
            await self.system.pipeline.apply(
                [decode(record) for record in outcome.unblocked], self.reaction
            )

        asyncio.run(give_up())

    def homes(self) -> dict[str, Any]:
        kept: dict[str, Any] = self.system.reader_database.collection("mirrors").documents
        return kept

    def about_letters(self) -> list[dict[str, Any]]:
        """Headers of everything that was said of letters, with short types, and the data."""
        return [
            {name: value.decode() for name, value in sent.headers}
            | {
                "ce_type": type_of(Record("", 0, 0, None, sent.headers, None)),
                "data": json.loads(sent.value),
            }
            for sent in self.system.topic.records
            if dict(sent.headers)["ce_type"].startswith(b"commonground.record.")
        ]

    def settled(self) -> list[dict[str, Any]]:
        return [one for one in self.about_letters() if one["ce_type"] != "record.parked"]


def test_an_event_on_which_the_handler_keeps_failing_is_parked_and_others_go_on() -> None:
    reader = Reader()
    reader.bad = {("a", 2)}
    reader.read(an_event(1), an_event(2), an_event(1, "b"), an_event(3), an_event(2, "b"))
    assert reader.applied("a") == [1]
    assert reader.waiting("a") == [2, 3]
    assert reader.applied("b") == [1, 2]
    (letter,) = reader.letters()
    assert letter.reason is ParkReason.HANDLER_FAILED
    assert (letter.topic, letter.offset, letter.key) == ("check-ins", 2, "a")


def test_a_dead_letter_says_where_it_failed_but_not_what_the_error_said() -> None:
    reader = Reader()
    reader.bad = {("a", 1)}
    reader.read(an_event(1))
    (letter,) = reader.letters()
    assert "RuntimeError" in letter.why
    assert "test_parking" in letter.why
    assert "secret" not in letter.model_dump_json()


def test_later_events_wait_behind_the_parked_one_and_follow_it_in_order_after_a_replay() -> None:
    reader = Reader()
    reader.bad = {("a", 2)}
    reader.read(an_event(1), an_event(2))
    reader.read(an_event(3))
    reader.read(an_event(4))
    assert reader.waiting() == [2, 3, 4]
    reader.bad = set()
    reader.read(an_event(2))
    assert reader.applied() == [1, 2, 3, 4]
    assert reader.waiting() == []
    assert reader.home()["seen"]["check-ins"] == [4, 4]


def test_a_replay_before_the_fix_changes_nothing() -> None:
    reader = Reader()
    reader.bad = {("a", 1)}
    reader.read(an_event(1), an_event(2))
    reader.read(an_event(1))
    assert reader.waiting() == [1, 2]
    assert len(reader.letters()) == 1


def test_a_repeat_of_a_failing_event_in_the_same_batch_lets_nothing_slip_by() -> None:
    reader = Reader()
    reader.bad = {("a", 1)}
    reader.read(an_event(1), an_event(1), an_event(2), an_event(1), an_event(3))
    assert reader.waiting() == [1, 2, 3]
    assert len(reader.letters()) == 1
    reader.bad = set()
    reader.read(an_event(1))
    assert reader.applied() == [1, 2, 3]


def test_an_event_after_a_gap_waits_for_the_missing_one() -> None:
    reader = Reader()
    reader.read(an_event(1), an_event(3), an_event(4))
    assert reader.applied() == [1]
    (letter,) = reader.letters()
    assert letter.reason is ParkReason.MISSING_BEFORE
    reader.read(an_event(2))
    assert reader.applied() == [1, 2, 3, 4]
    assert reader.waiting() == []


def test_the_first_sight_of_a_subject_may_have_any_sequence() -> None:
    reader = Reader()
    reader.read(an_event(7), an_event(8))
    assert reader.applied() == [7, 8]
    assert reader.home()["seen"]["check-ins"] == [8, 2]


def test_what_was_seen_is_dropped_however_often_it_comes() -> None:
    reader = Reader()
    reader.read(*(an_event(number) for number in (1, 1, 2, 1, 2, 3, 3)))
    reader.read(*(an_event(number) for number in (1, 2, 3)))
    assert reader.applied() == [1, 2, 3]
    assert reader.system.pipeline.counts.duplicates == 7


def test_a_duplicate_of_a_waiting_event_waits_once() -> None:
    reader = Reader()
    reader.read(an_event(1), an_event(3), an_event(3))
    reader.read(an_event(3))
    assert reader.waiting() == [3]


# What comes of what was set aside ---------------------------------------------------------------


def test_a_letter_is_settled_when_its_event_is_applied_after_all() -> None:
    reader = Reader()
    reader.bad = {("a", 2)}
    reader.read(an_event(1), an_event(2), an_event(3))
    (letter,) = reader.letters()
    assert reader.settled() == []
    reader.bad = set()
    reader.read(an_event(2))
    (released,) = reader.settled()
    assert (released["ce_type"], released["ce_subject"]) == ("record.released", letter.letter_id)
    assert released["ce_sequence"] == "2"


def test_a_letter_about_a_gap_is_settled_when_the_missing_event_comes() -> None:
    reader = Reader()
    reader.read(an_event(1), an_event(3))
    reader.read(an_event(2))
    (released,) = reader.settled()
    assert released["ce_subject"] == reader.letters()[0].letter_id


def test_an_event_that_was_waiting_and_then_fails_itself_gets_a_letter_of_its_own() -> None:
    reader = Reader()
    reader.bad = {("a", 1), ("a", 2)}
    reader.read(an_event(1), an_event(2), an_event(3))
    reader.bad = {("a", 2)}
    reader.read(an_event(1))
    assert [letter.offset for letter in reader.letters()] == [1, 2]
    assert reader.waiting() == [2, 3]


def test_a_discarded_event_is_not_applied_and_those_behind_it_follow() -> None:
    reader = Reader()
    reader.bad = {("a", 2)}
    reader.read(an_event(1), an_event(2), an_event(3), an_event(4))
    reader.discard(an_event(2))
    assert reader.applied() == [1, 3, 4]
    assert reader.waiting() == []
    assert reader.home()["seen"]["check-ins"] == [4, 3]
    assert reader.home()["discarded"] == {"check-ins": [[2, 2]]}
    (discarded,) = reader.settled()
    assert discarded["ce_type"] == "record.discarded"
    assert discarded["data"]["by"] == "key-1"
    assert discarded["data"]["reason"] == "no_longer_matters"


def test_a_discarded_event_that_comes_again_is_dropped() -> None:
    reader = Reader()
    reader.bad = {("a", 1)}
    reader.read(an_event(1))
    reader.discard(an_event(1))
    reader.bad = set()
    reader.read(an_event(1))
    assert reader.applied() == []
    assert reader.home()["seen"]["check-ins"] == [1, 0]


def test_giving_up_what_is_missing_lets_the_waiting_go_on() -> None:
    reader = Reader()
    reader.read(an_event(1), an_event(4), an_event(5))
    reader.discard(an_event(4))
    assert reader.applied() == [1, 4, 5]
    assert reader.home()["seen"]["check-ins"] == [5, 3]
    assert reader.home()["discarded"] == {"check-ins": [[2, 3]]}
    (discarded,) = reader.settled()
    assert (discarded["data"]["first_sequence"], discarded["data"]["last_sequence"]) == (2, 3)


def test_one_that_waited_for_missing_events_and_then_fails_is_reported_again() -> None:
    reader = Reader()
    reader.bad = {("a", 3)}
    reader.read(an_event(1), an_event(3))
    reader.discard(an_event(3))
    assert reader.waiting() == [3]
    first, second = reader.letters()
    assert first.letter_id == second.letter_id
    assert second.reason is ParkReason.HANDLER_FAILED
    sequences = [headers["ce_sequence"] for headers in reader.about_letters()]
    assert sequences == ["1", "2", "3"]


def test_discarding_twice_gives_up_once() -> None:
    reader = Reader()
    reader.bad = {("a", 1), ("a", 2)}
    reader.read(an_event(1), an_event(2))
    reader.discard(an_event(1))
    reader.discard(an_event(1))
    assert reader.home()["discarded"] == {"check-ins": [[1, 1]]}
    assert reader.waiting() == [2]


@settings(max_examples=30)
@given(st.lists(st.sampled_from(["read", "discard", "mend", "break"]), max_size=12))
def test_seen_is_applied_and_discarded_whatever_is_done(acts: list[str]) -> None:
    reader = Reader()
    sequence = 0
    for act in acts:
        if act == "read":
            sequence += 1
            reader.read(an_event(sequence))
        elif act == "discard" and "a" in reader.homes() and reader.waiting():
            reader.discard(an_event(reader.waiting()[0]))
        elif act in ("mend", "break"):
            reader.bad = set() if act == "mend" else {("a", number) for number in range(1, 13)}
    if "a" not in reader.homes():
        return
    last, count = reader.home().get("seen", {}).get("check-ins", (0, 0))
    given_up = reader.home().get("discarded", {}).get("check-ins", [])
    assert count == len(reader.applied())
    assert last == count + sum(end - start + 1 for start, end in given_up)
    assert last + len(reader.waiting()) == sequence
    settled, open_letters = len(reader.settled()), bool(reader.waiting())
    assert len(reader.letters()) == settled + open_letters
