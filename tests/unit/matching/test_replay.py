"""Replay: the same events and seed give the same matches, and policies are compared on equal luck."""

import gzip
import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from services.matching.command_line import cli
from services.matching.domain.schedule import RoundKind, seed_of
from services.matching.replay import play as playing
from services.matching.replay.answers import ASSUMED, FEWEST_REPLIES, Answers, Habits, Reply
from services.matching.replay.history import History, HistoryUnusable, read_journal, read_population
from services.matching.replay.outcome import Outcome
from services.matching.replay.play import as_recorded, play
from services.matching.replay.verify import verify
from services.matching.replay.world import World
from shared.events.lines import line_of_event
from shared.events.matches import (
    MatchAccepted,
    MatchMenteeAccepted,
    MatchProposed,
    MatchState,
    MatchStatus,
)
from shared.events.messages import MessageKind, MessageSent
from shared.events.participants import Role
from shared.events.programmes import BetweenRounds, Policy
from tests.unit.matching.replayed import (
    BEGAN,
    DAY,
    ENGINE,
    SEED,
    a_crowd,
    an_event,
    comes,
    history_of,
    with_recorded_rounds,
)

UNTIL = BEGAN + 70 * DAY


def lived(history: History, seed: int = SEED, **policy: Any) -> Outcome:
    answers = Answers.of(history, seed)
    change = (lambda one: one.model_copy(update=policy)) if policy else (lambda one: one)
    return play(history, answers, ENGINE, seed=seed, until=UNTIL, label="x", policy=change)


def recorded() -> History:
    return with_recorded_rounds(history_of(a_crowd()), weeks=5)


def as_file(history: History, path: Path) -> Path:
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(line_of_event(event) + "\n" for event in history.events)
    return path


def tampered(history: History) -> History:
    """One recorded pair is another than the round made."""
    events = list(history.events)
    place, event = next(
        (place, one) for place, one in enumerate(events) if isinstance(one.payload, MatchProposed)
    )
    other = event.payload.model_copy(update={"mentee_id": "somebody-else"})
    events[place] = replace(event, payload=other)
    return replace(history, events=tuple(events))


def test_every_recorded_round_comes_out_again_from_the_events_before_it(tmp_path: Path) -> None:
    history = read_journal(str(as_file(recorded(), tmp_path / "journal.ndjson.gz")), None, None)
    compared = verify(history, ENGINE, SEED)
    assert len(compared) >= 3
    assert all(one.is_same for one in compared)


def test_another_seed_or_a_changed_journal_is_found_out() -> None:
    assert not all(one.is_same for one in verify(recorded(), ENGINE, SEED + 1))
    first, *_ = verify(tampered(recorded()), ENGINE, SEED)
    assert len(first.missing) == len(first.new) == 1


def test_the_same_seed_lives_the_same_life_whatever_the_order_of_the_file() -> None:
    crowd = a_crowd()
    assert lived(history_of(crowd)) == lived(history_of(crowd[::-1]))


def test_rarer_rounds_make_people_wait_longer() -> None:
    often, rarely = lived(history_of(a_crowd())), lived(history_of(a_crowd()), round_every_days=28)
    assert often.days[1] < rarely.days[1]
    assert (often.rounds or 0) > (rarely.rounds or 0)


def test_where_seats_are_plenty_top_ups_place_people_sooner() -> None:
    crowd = [
        *(comes(f"mentor-{n}", Role.MENTOR, seats=5) for n in range(3)),
        *(comes(f"mentee-{n}", Role.MENTEE, day=2 * n) for n in range(1, 12)),
    ]
    waits = lived(history_of(crowd))
    at_once = lived(history_of(crowd), between_rounds=BetweenRounds.AT_ONCE)
    assert at_once.days[1] < waits.days[1]


def test_a_seat_that_comes_free_is_proposed_again_within_the_quarter_of_an_hour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    solved: list[Any] = []

    class Watched(World):
        def run(self, *args: Any) -> Any:
            solved.append(super().run(*args))
            return solved[-1]

    monkeypatch.setattr(playing, "World", Watched)
    no = [Reply(says_yes=False, after=2 * DAY)] * FEWEST_REPLIES
    monkeypatch.setitem(ASSUMED, Role.MENTEE, Habits(no))
    crowd = [
        comes("mentor", Role.MENTOR),
        comes("mentee-1", Role.MENTEE),
        comes("mentee-2", Role.MENTEE),
    ]
    lived(history_of(crowd), between_rounds=BetweenRounds.AT_ONCE)
    first, second = (one for one in solved if one.result.pairings)
    assert second.instant - first.instant < 2 * DAY + timedelta(minutes=20)


def test_a_round_has_the_seed_that_its_name_and_the_services_seed_give() -> None:
    world = World(ENGINE, SEED)
    for event in history_of(a_crowd()).events:
        world.hear(event)
    solved = world.run(RoundKind.ROUND, BEGAN + 30 * DAY, BEGAN + 30 * DAY)
    assert solved.round_input.seed == seed_of(solved.round_id, SEED)
    top_up = world.run(RoundKind.TOP_UP, BEGAN + 31 * DAY, BEGAN + 31 * DAY)
    assert top_up.round_input.seed == solved.round_input.seed


def test_a_world_knows_who_was_asked_since_top_ups_leave_her_proposal_alone() -> None:
    world = World(ENGINE, SEED)
    proposed = next(e for e in recorded().events if isinstance(e.payload, MatchProposed))
    match = proposed.payload
    assert isinstance(match, MatchProposed)
    world.hear_of_match(match)
    sent = MessageSent(
        programme="network",
        message_id="m",
        recipient_id=match.mentee_id,
        kind=MessageKind.PROPOSAL_TO_MENTEE,
        because_of=proposed.id,
        match_id=match.match_id,
        sent_at=proposed.time,
    )
    assert world.matches[match.match_id].heard == ()
    world.hear(an_event(sent, proposed.time))
    world.hear_of_match(match)
    assert world.matches[match.match_id].heard == (Role.MENTEE,)


def test_a_pair_meets_the_same_luck_under_every_policy_and_side_by_side() -> None:
    one, other = Answers.of(history_of(a_crowd()), 1), Answers.of(history_of([]), 1)
    pairs = [(f"mentee-{n}", f"mentor-{n}") for n in range(200)]
    backwards = {pair: other.reply(pair, Role.MENTEE) for pair in reversed(pairs)}
    assert {pair: one.reply(pair, Role.MENTEE) for pair in pairs} == backwards
    said = Counter(reply.says_yes for reply in backwards.values())
    assert said[True] > said[False] > 0 < said[None]


def test_a_recorded_pair_answers_as_it_did() -> None:
    history = recorded()
    proposed = next(e for e in history.events if isinstance(e.payload, MatchProposed))
    willing = proposed.payload.model_copy(update={"status": MatchStatus.MENTEE_ACCEPTED})
    fields = willing.model_dump(include=set(MatchState.model_fields))
    yes = an_event(MatchMenteeAccepted(**fields), proposed.time + 2 * DAY, sequence=2)
    both = an_event(
        MatchAccepted(**{**fields, "status": MatchStatus.ACCEPTED}),
        proposed.time + 5 * DAY,
        sequence=3,
    )
    answers = Answers.of(replace(history, events=(*history.events, yes, both)), seed=1)
    pair = (fields["mentee_id"], fields["mentor_id"])
    assert answers.reply(pair, Role.MENTEE) == Reply(says_yes=True, after=2 * DAY)
    assert answers.reply(pair, Role.MENTOR) == Reply(says_yes=True, after=3 * DAY)


def test_nobody_is_overbooked_and_no_pair_that_said_no_meets_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worlds: list[World] = []

    class Watched(World):
        def run(self, *args: Any) -> Any:
            solved = super().run(*args)
            worlds.append(self)
            pairs = {(one.mentee_id, one.mentor_id) for one in solved.result.pairings}
            over = {
                (one.mentee_id, one.mentor_id)
                for one in self.matches.values()
                if one.status in (MatchStatus.DECLINED, MatchStatus.ENDED)
            }
            assert not pairs & over
            taken = Counter(one.mentor_id for one in self.matches.values() if one.open)
            taken.update(mentor for _, mentor in pairs)
            taken.subtract(mentor for _, mentor in solved.result.displaced)
            for mentor, seats in taken.items():
                person = self.people[mentor].person
                assert person is not None
                assert seats <= person.seats
            return solved

    monkeypatch.setattr(playing, "World", Watched)
    lived(history_of(a_crowd(mentees=30, mentors=8)), between_rounds=BetweenRounds.AT_ONCE)
    assert len(worlds) > 10


def test_the_recorded_life_is_counted_in_the_same_way() -> None:
    history = recorded()
    counted = as_recorded(history, ENGINE, UNTIL)
    proposals = [e for e in history.events if isinstance(e.payload, MatchProposed)]
    assert (counted.mentees, counted.proposed, counted.placed) == (12, len(proposals), 0)
    assert counted.waiting_by_week[-1] == 12


def a_population(path: Path) -> Path:
    people = [event.payload.model_dump(mode="json") for event in a_crowd()]
    path.write_text("".join(json.dumps(one) + "\n" for one in people), encoding="utf-8")
    return path


def test_the_command_shows_two_policies_side_by_side(tmp_path: Path) -> None:
    policy = tmp_path / "monthly.yaml"
    policy.write_text(yaml.safe_dump({"round_every_days": 28, "weights": {"same_city": 0}}))
    people = str(a_population(tmp_path / "people.ndjson"))
    done = CliRunner().invoke(
        cli,
        ["replay", "--population", people, "--policy", str(policy), "--out", str(tmp_path)],
    )
    assert done.exit_code == 0, done.output
    same, other = json.loads((tmp_path / "replay.json").read_text())
    assert (same["label"], other["label"]) == ("same policy", "monthly")
    assert "monthly" in (tmp_path / "replay.svg").read_text()
    assert same["placed"] > 0


def test_verify_ends_with_1_and_says_which_round_differs(tmp_path: Path) -> None:
    good = str(as_file(recorded(), tmp_path / "good.ndjson.gz"))
    bad = str(as_file(tampered(recorded()), tmp_path / "bad.ndjson.gz"))
    runner = CliRunner()
    fine = runner.invoke(cli, ["replay", "verify", "--journal", good, "--seed", str(SEED)])
    assert fine.exit_code == 0, fine.output
    found = runner.invoke(cli, ["replay", "verify", "--journal", bad, "--seed", str(SEED)])
    assert found.exit_code == 1
    assert "somebody-else" in found.output


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("round_every_days: 0", "round_every_days"),
        ("no_such_field: 1", "no_such_field"),
        ("weights: {same_city: 900}", "add up"),
        ("- a list", "must map fields"),
        ("a: [", "YAML"),
    ],
)
def test_a_policy_that_cannot_be_is_refused_by_its_field(
    tmp_path: Path, written: str, words: str
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(written)
    people = str(a_population(tmp_path / "people.ndjson"))
    done = CliRunner().invoke(cli, ["replay", "--population", people, "--policy", str(policy)])
    assert done.exit_code == 1
    assert words in done.output


def test_a_file_that_is_no_history_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "x.ndjson"
    with pytest.raises(HistoryUnusable, match="cannot be read"):
        read_journal(str(path), None, None)
    path.write_text("not json\n")
    with pytest.raises(HistoryUnusable, match="no programme"):
        read_journal(str(path), None, None)
    with pytest.raises(HistoryUnusable, match=r"Line 1 of x.ndjson"):
        read_population(path)
    with pytest.raises(HistoryUnusable, match="OPERATOR_KEY"):
        read_journal("http://127.0.0.1:9", None, None)


def test_a_default_policy_is_lived_when_only_people_are_known(tmp_path: Path) -> None:
    history = read_population(a_population(tmp_path / "people.ndjson"))
    assert not history.is_recorded
    assert history.events[0].payload.policy == Policy()  # type: ignore[attr-defined]
