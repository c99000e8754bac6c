"""Lets time pass: people come and go as recorded, rounds run by the policy, people answer.

The recorded arrivals, changes, pauses and departures happen as they did; what followed from
proposals (answers, breaks for not answering, mentorships and their ends) happens anew. Messages go
out at once, and proposals are not held for review: a replay compares policies of matching.
"""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Final

from services.matching.domain import life, people
from services.matching.domain.match import Match
from services.matching.domain.round import Engine
from services.matching.domain.schedule import RoundKind
from services.matching.replay.answers import Answers
from services.matching.replay.history import History
from services.matching.replay.outcome import Outcome, Tally
from services.matching.replay.world import Solved, World
from shared.decisions import Decision, Refusal
from shared.events.matches import MatchState, MatchStatus, WithdrawReason
from shared.events.participants import (
    ParticipantErased,
    ParticipantPaused,
    ParticipantStatus,
    ParticipantWithdrawn,
    PauseReason,
    Role,
)
from shared.events.payload import Payload
from shared.events.programmes import Policy, ProgrammeChanged
from shared.events.streams import MESSAGES, PARTICIPANTS, PROGRAMMES
from shared.events.wire import Event
from shared.ids import repeatable_id

NewPolicy = Callable[[Policy], Policy]
_COUNTED: Final = frozenset(
    {
        MatchStatus.PROPOSED,
        MatchStatus.ACCEPTED,
        MatchStatus.DECLINED,
        MatchStatus.EXPIRED,
        MatchStatus.WITHDRAWN,
    }
)


def as_recorded(history: History, engine: Engine, until: datetime) -> Outcome:
    """What the recorded life came to, counted in the same way."""
    world, tally = World(engine, None), Tally(history.began, until)
    before: dict[str, MatchStatus] = {}
    for event in history.events:
        if event.time > until:
            break
        tally.pass_to(event.time, world)
        match = event.payload
        if isinstance(match, MatchState):
            world.hear_of_match(match)
            if before.get(match.match_id) is not match.status and match.status in _COUNTED:
                tally.count(match.status)
                if match.status is MatchStatus.ACCEPTED:
                    tally.place(match.mentee_id, match.score, event.time)
            before[match.match_id] = match.status
        else:
            world.hear(event)
            tally.see(world, event.subject)
            _note_host_languages(event, tally)
    return tally.outcome("recorded", world)


def play(
    history: History,
    answers: Answers,
    engine: Engine,
    *,
    seed: int | None,
    until: datetime,
    label: str,
    policy: NewPolicy = lambda recorded: recorded,
) -> Outcome:
    """The same people under a policy: `policy` makes it from each that was recorded."""
    return _Play(history, answers, World(engine, seed), until, policy).outcome(label)


@dataclass(slots=True)
class _Play:
    history: History
    answers: Answers
    world: World
    until: datetime
    new_policy: NewPolicy
    policy: Policy = field(default_factory=Policy)
    queue: list[tuple[datetime, int, Callable[[datetime], None]]] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=count)
    open_of: dict[str, set[str]] = field(default_factory=dict)
    tally: Tally = field(init=False)

    def __post_init__(self) -> None:
        self.tally = Tally(self.history.began, self.until)
        for event in self.history.events:
            if event.stream in (PROGRAMMES, PARTICIPANTS, MESSAGES):
                self._at(event.time, partial(self._hear, event))

    def outcome(self, label: str) -> Outcome:
        """Lives until the end."""
        while (now := self._next()) is not None and now <= self.until:
            self.tally.pass_to(now, self.world)
            if self.queue and self.queue[0][0] <= now:
                _, _, act = heapq.heappop(self.queue)
                act(now)
            else:
                self._run_round(now)
        return self.tally.outcome(label, self.world)

    def _next(self) -> datetime | None:
        """The next instant at which something happens; rounds come after all else of theirs."""
        programme = self.world.programme
        instants = [self.queue[0][0]] if self.queue else []
        if programme is not None and programme.wake_at is not None:
            instants.append(programme.wake_at)
        return min(instants, default=None)

    def _at(self, instant: datetime, act: Callable[[datetime], None]) -> None:
        heapq.heappush(self.queue, (instant, next(self.numbers), act))

    # What was recorded ------------------------------------------------------------------------------

    def _hear(self, event: Event[Payload], now: datetime) -> None:
        payload = event.payload
        if isinstance(payload, ProgrammeChanged):
            self.policy = self.new_policy(payload.policy)
            event = replace(event, payload=payload.model_copy(update={"policy": self.policy}))
            _note_host_languages(event, self.tally)
        elif isinstance(payload, ParticipantPaused) and payload.reason is PauseReason.NO_ANSWER:
            return
        self.world.hear(event)
        if event.stream is not PARTICIPANTS:
            return
        self.tally.see(self.world, event.subject)
        if self.open_of.get(event.subject):
            self._take_back_what_broke(now)
        if isinstance(payload, ParticipantWithdrawn | ParticipantErased):
            for match_id in sorted(self.open_of.get(event.subject, ())):
                self._close(match_id, now)

    def _take_back_what_broke(self, now: datetime) -> None:
        for match_id, reason in sorted(self.world.broken().items()):
            self._become(life.withdraw(self.world.matches[match_id], reason), now)

    # What happens anew ------------------------------------------------------------------------------

    def _run_round(self, now: datetime) -> None:
        programme = self.world.programme
        due = programme.what_is_due(now) if programme is not None else None
        if programme is None or due is None:
            return
        solved = self.world.run(*due, now)
        self._displace(solved, now)
        for pairing in solved.result.pairings:
            mentee = self.world.people[pairing.mentee_id].person
            match = Match.of(
                pairing,
                match_id=repeatable_id(
                    "match", solved.round_id, pairing.mentee_id, pairing.mentor_id
                ),
                programme=self.history.programme,
                city=mentee.city if mentee is not None else None,
                seat=len(self.world.matches) + 1,
                round_id=solved.round_id,
                rules=programme.answer_rules,
            )
            self._become(life.make(match, now, review=False), now)
            self._ask(match.match_id, Role.MENTEE, now)

    def _displace(self, solved: Solved, now: datetime) -> None:
        if solved.kind is not RoundKind.TOP_UP:
            return
        going = set(solved.result.displaced)
        for match in list(self.world.matches.values()):
            if match.open and (match.mentee_id, match.mentor_id) in going:
                self._become(life.withdraw(match, WithdrawReason.NEEDED_MORE), now)

    def _ask(self, match_id: str, side: Role, now: datetime) -> None:
        match = self.world.matches[match_id]
        decided = life.asked(match, side, now)
        if decided is None or decided.state.answer_by is None:
            return
        self.world.matches[match_id] = decided.state
        reply = self.answers.reply((match.mentee_id, match.mentor_id), side)
        if reply.says_yes is None or now + reply.after >= decided.state.answer_by:
            self._at(decided.state.answer_by, lambda at: self._expire(match_id, at))
        else:
            says_yes = reply.says_yes
            self._at(now + reply.after, lambda at: self._answer(match_id, side, says_yes, at))

    def _answer(self, match_id: str, side: Role, says_yes: bool, now: datetime) -> None:  # noqa: FBT001
        match = self.world.matches[match_id]
        decided = life.answer(match, side, now, says_yes=says_yes)
        if not isinstance(decided, Decision):
            return
        self.world.decide(match.person(side), people.give_an_answer)
        self._become(decided, now)
        if decided.state.status is MatchStatus.MENTEE_ACCEPTED:
            self._ask(match_id, Role.MENTOR, now)
        elif decided.state.status is MatchStatus.ACCEPTED:
            self.tally.place(match.mentee_id, match.score, now)
            lasts = self.answers.lasts((match.mentee_id, match.mentor_id))
            if lasts is not None:
                self._at(now + max(lasts, timedelta(0)), lambda at: self._close(match_id, at))

    def _expire(self, match_id: str, now: datetime) -> None:
        match = self.world.matches[match_id]
        side = match.whose_turn
        if side is None or not life.is_over(match, now):
            return
        silent = match.person(side)
        self.world.decide(silent, lambda known: people.leave_unanswered(known, match_id))
        in_a_row = max(1, len(self.world.people[silent].unanswered))
        self._become(life.expire(match, now, in_a_row), now)
        if in_a_row >= self.policy.pause_after_unanswered:
            self.world.pause(silent, ParticipantStatus.PAUSED)
            away = self.answers.comes_back(silent)
            if away is not None:
                self._at(now + away, lambda at: self._come_back(silent, at))

    def _come_back(self, participant_id: str, now: datetime) -> None:
        self.world.note(now)
        self.world.pause(participant_id, ParticipantStatus.ACTIVE)

    def _close(self, match_id: str, now: datetime) -> None:
        match = self.world.matches[match_id]
        decided = life.end(match)
        if decided is None:
            return
        self._become(decided, now)
        pair = (match.mentee_id, match.mentor_id)
        for side in Role:
            again = self.answers.wants_another(pair, side)
            self.world.free(match.person(side), now, match_again=again)

    def _become(self, decided: Decision[Match] | Refusal | None, now: datetime) -> None:
        """Keeps what a match has become. Where it is over, its seat is free for a top-up."""
        if not isinstance(decided, Decision):
            return
        match = decided.state
        self.world.matches[match.match_id] = match
        if match.status in _COUNTED:
            self.tally.count(match.status)
        for who in (match.mentee_id, match.mentor_id):
            mine = self.open_of.setdefault(who, set())
            mine.add(match.match_id) if match.open else mine.discard(match.match_id)
        if not match.open:
            self.world.note(now)


def _note_host_languages(event: Event[Payload], tally: Tally) -> None:
    if isinstance(event.payload, ProgrammeChanged):
        tally.host_languages = event.payload.host_languages
