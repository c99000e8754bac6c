"""The books see each kind of loss, doubling and violation that is made by hand."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.events import matches
from shared.events.check_ins import CheckInDue, MentorshipClosed
from shared.events.matches import MatchAccepted, MatchEnded, MatchMenteeAccepted, MatchProposed
from shared.events.messages import MessageKind
from shared.events.participants import ParticipantRegistered, ParticipantUpdated, Role
from shared.events.payload import Payload
from shared.events.wire import Event
from tests.unit.demo.world import (
    Break,
    World,
    a_match,
    a_sound_world,
    accept,
    close,
    day,
    decline,
    propose,
    register,
    someone,
)


def first(world: World, kind: type[Payload]) -> Event[Any]:
    return world.topics.of_type(kind)[0]


def drop(world: World, kind: type[Payload]) -> None:
    """Kafka has lost it: neither topic nor consumers nor the journal have it."""
    event = first(world, kind)
    world.topics.events[event.stream.name].remove(event)


def forget_mark(world: World) -> None:
    del world.documents["matching", "known"]["participants/amal"]


def count_one_less(world: World) -> None:
    world.documents["followup", "known"]["matches/m1"]["seen"]["matches"][1] -= 1


def stay_behind(world: World) -> None:
    world.documents["intake", "known"]["matches/m2"]["seen"]["matches"][0] -= 1


def count_one_more(world: World) -> None:
    world.documents["followup", "known"]["matches/m1"]["seen"]["matches"][1] += 1


def journal_without(world: World) -> None:
    world.journal.pop()


def journal_with_a_hole(world: World) -> None:
    world.journal[-1]["position"] += 1


def journal_twice(world: World) -> None:
    world.journal.append({**world.journal[3], "position": len(world.journal) + 1})


def no_mentorship(world: World) -> None:
    del world.documents["followup", "mentorships"]["m2"]["state"]


def a_mentorship_of_nobody(world: World) -> None:
    world.document("followup", "mentorships", "m9")["state"] = {"match_id": "m9"}


def no_registered_event(world: World) -> None:
    world.document("intake", "participants", "eve")["state"] = {"status": "active"}


def no_message(world: World) -> None:
    messages = world.documents["notifications", "messages"]
    name = next(name for name in messages if name.endswith("|amal|check_in"))
    del messages[name]["state"]


def a_message_for_nothing(world: World) -> None:
    found = world.document("notifications", "messages", "check-ins/m1:9|amal|check_in")
    found["state"] = {"stage": "sent"}


def no_mail(world: World) -> None:
    world.mails.pop()


def two_mails_under_two_ids(world: World) -> None:
    world.mails.append(replace(world.mails[0], message_id="another"))


def told_out_of_order(world: World) -> None:
    world.topics.out_of_order.append("matches/m1:2")


def an_event_of_nobody(world: World) -> None:
    fields = a_match("m7", "amal", "bodil", matches.MatchStatus.DECLINED)
    world.tell(matches.MatchDeclined(**fields, declined_by=Role.MENTEE), day(2))
    del world.documents["matching", "matches"]["m7"]


def more_than_the_owner_wrote(world: World) -> None:
    world.documents["matching", "matches"]["m2"]["sequences"]["matches"] -= 1


def due_twice(world: World) -> None:
    event = first(world, CheckInDue)
    again = world.tell(event.payload, event.time)
    for recipient in ("amal", "bodil"):
        world.send(again, recipient, MessageKind.CHECK_IN)


def ended_but_not_closed(world: World) -> None:
    fields = a_match("m2", "cigdem", "dorte", matches.MatchStatus.ENDED)
    world.tell(MatchEnded(**fields), day(30))


LOSSES: list[Break] = [
    lambda world: drop(world, MatchProposed),
    lambda world: drop(world, ParticipantRegistered),
    lambda world: drop(world, MatchEnded),
    lambda world: drop(world, MatchMenteeAccepted),
    forget_mark,
    count_one_less,
    stay_behind,
    journal_without,
    journal_with_a_hole,
    no_mentorship,
    no_registered_event,
    no_message,
    no_mail,
    told_out_of_order,
]
DOUBLINGS: list[Break] = [
    count_one_more,
    journal_twice,
    a_mentorship_of_nobody,
    a_message_for_nothing,
    two_mails_under_two_ids,
    an_event_of_nobody,
    more_than_the_owner_wrote,
    due_twice,
    ended_but_not_closed,
]


def test_a_sound_world_has_nothing_lost_doubled_or_broken() -> None:
    report = a_sound_world().books().report()
    assert report["does_not_add_up"] == []
    assert report["events"]["lost"] == report["events"]["doubled"] == 0
    assert set(report["violations"].values()) == {0}
    assert report["messages"]["doubled"] == report["messages"]["resent"] == 0


def test_a_sound_world_is_counted() -> None:
    report = a_sound_world().books(now=day(61)).report()
    assert report["people"] == {"registered": 4, "mentees": 2, "mentors": 2}
    assert report["matches"] == {
        "proposed": 2,
        "mentee_accepted": 2,
        "accepted": 2,
        "declined": 0,
        "expired": 0,
        "withdrawn": 0,
        "ended": 1,
    }
    assert report["check_ins"] == {"due": 2, "completed": 2, "overdue": 0, "escalated": 0}
    assert report["mentees"] == {"placed": 2, "waiting": 1, "waiting_without_reason": 0}
    assert report["messages"]["sent"] == 18


@pytest.mark.parametrize("break_it", LOSSES)
def test_what_is_lost_is_found(break_it: Break) -> None:
    world = a_sound_world()
    break_it(world)
    assert world.books().report()["events"]["lost"] > 0


@pytest.mark.parametrize("break_it", DOUBLINGS)
def test_what_is_doubled_is_found(break_it: Break) -> None:
    world = a_sound_world()
    break_it(world)
    assert world.books().report()["events"]["doubled"] > 0


def test_the_same_mail_again_is_resent_and_not_doubled() -> None:
    world = a_sound_world()
    world.mails.append(replace(world.mails[0], number=99, repeat_of=1))
    report = world.books().report()
    assert report["messages"]["resent"] == 1
    assert report["messages"]["doubled"] == 0
    assert report["events"]["lost"] == report["events"]["doubled"] == 0


def overbooked(world: World) -> None:
    register(world, "eve", Role.MENTEE)
    propose(world, "m3", "eve", "dorte", day(5))


def two_open_matches(world: World) -> None:
    register(world, "freja", Role.MENTOR)
    propose(world, "m3", "cigdem", "freja", day(5))


def mentor_asked_before_mentee(world: World) -> None:
    register(world, "eve", Role.MENTEE)
    register(world, "freja", Role.MENTOR)
    propose(world, "m3", "eve", "freja", day(5))
    world.send(world.topics.of_type(MatchProposed)[-1], "freja", MessageKind.PROPOSAL_TO_MENTOR)


def same_pair_again_after_the_end(world: World) -> None:
    propose(world, "m3", "amal", "bodil", day(65))


def same_pair_again_after_a_no(world: World) -> None:
    register(world, "eve", Role.MENTEE)
    register(world, "freja", Role.MENTOR)
    propose(world, "m3", "eve", "freja", day(5))
    decline(world, "m3", "eve", "freja", day(6))
    propose(world, "m4", "eve", "freja", day(12))


def not_with_broken_by_the_events(world: World) -> None:
    register(world, "eve", Role.MENTEE, apart_from=("freja",))
    register(world, "freja", Role.MENTOR)
    propose(world, "m3", "eve", "freja", day(5))


def not_with_broken_by_the_hashes(world: World) -> None:
    document = world.documents["intake", "participants"]["dorte"]
    document["state"]["person"]["hashes"]["not_with"] = ["hash of cigdem"]


def no_common_language(world: World) -> None:
    register(world, "eve", Role.MENTEE, languages=("uk",))
    register(world, "freja", Role.MENTOR)
    propose(world, "m3", "eve", "freja", day(5))


@pytest.mark.parametrize(
    ("break_it", "rule"),
    [
        (overbooked, "overbooked"),
        (two_open_matches, "two_open_matches"),
        (mentor_asked_before_mentee, "mentor_asked_before_mentee"),
        (same_pair_again_after_the_end, "same_pair_again"),
        (same_pair_again_after_a_no, "same_pair_again"),
        (not_with_broken_by_the_events, "not_with_broken"),
        (not_with_broken_by_the_hashes, "not_with_broken"),
        (no_common_language, "no_common_language"),
    ],
)
def test_what_must_never_happen_is_found_and_nothing_else(break_it: Break, rule: str) -> None:
    world = a_sound_world()
    break_it(world)
    violations = world.books().report()["violations"]
    assert {name for name, count in violations.items() if count} == {rule}


def test_a_seat_is_free_at_the_instant_at_which_its_mentorship_ends() -> None:
    world = a_sound_world()
    register(world, "eve", Role.MENTEE)
    propose(world, "m3", "eve", "bodil", day(60))
    accept(world, "m3", "eve", "bodil", day(61))
    close(world, "m3", "eve", "bodil", day(62))
    assert set(world.books().report()["violations"].values()) == {0}


def test_a_violation_that_was_mended_later_is_still_found() -> None:
    world = a_sound_world()
    overbooked(world)
    decline(world, "m3", "eve", "dorte", day(6))
    assert world.books().report()["violations"]["overbooked"] > 0


def test_who_gave_up_a_seat_later_was_not_overbooked() -> None:
    world = a_sound_world()
    fewer = someone("dorte", Role.MENTOR, seats=0, status="paused")
    world.tell(ParticipantUpdated.model_validate(fewer, strict=False), day(20))
    assert world.books().report()["violations"]["overbooked"] == 0


def test_who_waits_for_too_long_without_a_word_is_found() -> None:
    world = a_sound_world()
    register(world, "eve", Role.MENTEE)
    assert world.books(now=day(21)).report()["mentees"]["waiting_without_reason"] == 0
    assert world.books(now=day(21) + timedelta(days=2)).report()["mentees"] == {
        "placed": 2,
        "waiting": 2,
        "waiting_without_reason": 1,
    }


def test_every_event_type_that_the_books_count_is_in_the_sound_world() -> None:
    world = a_sound_world()
    for kind in (MatchAccepted, MentorshipClosed, CheckInDue):
        assert world.topics.of_type(kind)
