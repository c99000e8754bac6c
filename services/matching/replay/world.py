"""The service's decisions in memory: what it knows, and what its rounds see. No storage, no clock.

Every decision is a function of `services.matching.domain`; here they are only called in their order.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from services.matching.domain import life, people, programmes
from services.matching.domain.fitting import no_longer_hold
from services.matching.domain.match import AnswerRules, Match
from services.matching.domain.people import KnownPerson
from services.matching.domain.programmes import KnownProgramme
from services.matching.domain.round import Engine, RoundInput, RoundResult
from services.matching.domain.schedule import RoundKind, RoundRecord, round_id_of, seed_of
from services.matching.ground import Ground, supply_left
from shared.decisions import Decision
from shared.events.check_ins import MentorshipClosed
from shared.events.matches import MatchState, MatchStatus, WithdrawReason
from shared.events.messages import (
    FailureReason,
    MessageBounced,
    MessageFailed,
    MessageKind,
    MessageSent,
)
from shared.events.participants import ParticipantStatus, Role
from shared.events.payload import Payload
from shared.events.streams import PARTICIPANTS, PROGRAMMES
from shared.events.wire import Event

OPEN: Final = frozenset(
    {
        MatchStatus.HELD,
        MatchStatus.APPROVED,
        MatchStatus.PROPOSED,
        MatchStatus.MENTEE_ACCEPTED,
        MatchStatus.ACCEPTED,
    }
)
_FOR_EVER: Final = frozenset({MatchStatus.DECLINED, MatchStatus.ENDED})
_ASKS: Final = {
    MessageKind.PROPOSAL_TO_MENTEE: Role.MENTEE,
    MessageKind.PROPOSAL_TO_MENTOR: Role.MENTOR,
}

Rule = Callable[[KnownPerson], Decision[KnownPerson] | None]


@dataclass(frozen=True, slots=True)
class Solved:
    """One round or top-up: what it saw and what it came to."""

    round_id: str
    kind: RoundKind
    instant: datetime
    round_input: RoundInput
    result: RoundResult


@dataclass(slots=True)
class World:
    """Everything that matching knows of one programme."""

    engine: Engine
    seed: int | None
    programme: KnownProgramme | None = None
    people: dict[str, KnownPerson] = field(default_factory=dict)
    matches: dict[str, Match] = field(default_factory=dict)
    solved: list[Solved] = field(default_factory=list)
    by_rescue: set[tuple[str, str, str]] = field(default_factory=set)

    # What it hears --------------------------------------------------------------------------------

    def hear(self, event: Event[Payload]) -> None:
        """A programme, a participant, a message's fate, or the closing of a mentorship."""
        payload, now = event.payload, event.time
        if event.stream is PROGRAMMES:
            decided = programmes.hear_of_programme(self.programme, event, now)
            self.programme = decided.state if decided is not None else self.programme
        elif event.stream is PARTICIPANTS:
            self.note(now)
            self._change(event.subject, people.hear_of_participant(self._of(event), event))
        elif isinstance(payload, MessageSent):
            self.decide(payload.recipient_id, people.regain_contact)
            self._hear_that_she_was_asked(payload)
        elif isinstance(payload, MessageFailed | MessageBounced) and _was_lost(payload):
            self.decide(payload.recipient_id, people.lose_contact)
        elif isinstance(payload, MentorshipClosed):
            for side, who in ((Role.MENTEE, payload.mentee_id), (Role.MENTOR, payload.mentor_id)):
                self.free(who, payload.closed_at, match_again=side in payload.match_again)
        self._begin_rounds(now)

    def hear_of_match(self, state: MatchState) -> None:
        """A match as an event tells it. Its seat is not told: each holds one of its own."""
        known = self.matches.get(state.match_id)
        is_open = state.status in OPEN
        self.matches[state.match_id] = Match(
            match_id=state.match_id,
            programme=state.programme,
            city=state.city,
            mentee_id=state.mentee_id,
            mentor_id=state.mentor_id,
            seat=known.seat if known is not None else len(self.matches) + 1,
            round_id=state.round_id or "",
            score=state.score,
            reasons=state.reasons,
            languages=state.languages,
            times=state.times,
            online=state.online,
            rules=AnswerRules(0, 0, 0),
            status=state.status,
            open=is_open,
            never_again=is_open or state.status in _FOR_EVER,
            proposed_at=state.proposed_at,
            accepted_at=state.accepted_at,
            heard=known.heard if known is not None else (),
            # No event tells it; the round that made the match, solved again, does.
            by_rescue=(state.round_id or "", state.mentee_id, state.mentor_id) in self.by_rescue,
        )

    def free(self, participant_id: str, at: datetime, *, match_again: bool) -> None:
        """Her mentorship ended."""
        known = self.people.get(participant_id)
        if known is not None:
            self._change(participant_id, people.become_free(known, at, match_again=match_again))

    def pause(self, participant_id: str, status: ParticipantStatus) -> None:
        """She is out of the pool, or back, by what happened here and not by what was recorded."""
        known = self.people.get(participant_id)
        gone = (ParticipantStatus.WITHDRAWN, ParticipantStatus.ERASED)
        if known is not None and known.status not in gone:
            self.people[participant_id] = replace(known, status=status, unanswered=())

    def note(self, now: datetime) -> None:
        """Something happened that a top-up may have to look at."""
        if self.programme is not None:
            decided = programmes.note_for_top_up(self.programme, now)
            self.programme = decided.state if decided is not None else self.programme

    # What it does -----------------------------------------------------------------------------------

    def broken(self) -> dict[str, WithdrawReason]:
        """Unanswered proposals that no longer hold, now that people have changed."""
        return no_longer_hold([one for one in self.matches.values() if one.open], self.people)

    def run(self, kind: RoundKind, instant: datetime, now: datetime) -> Solved:
        """Solves a round or top-up on what is known, and sets when the next one is."""
        assert self.programme is not None  # noqa: S101  (who asks has seen that one is due)
        is_round = kind is RoundKind.ROUND
        round_id = round_id_of(self.programme.programme, instant)
        if is_round:
            self._withdraw_what_broke()
        binding = [one for one in self.matches.values() if one.never_again]
        ground = (
            Ground.of_round(self._active(), binding)
            if is_round
            else Ground.of_top_up(self._active(), binding, self.programme, round_id)
        )
        drawn_in = round_id if is_round else self.programme.drawn_in or round_id
        seed = seed_of(drawn_in, self.seed)
        round_input = ground.input_of(self.programme, seed, instant)
        solve = self.engine.solve if is_round else self.engine.top_up
        result = solve(round_input)
        record = RoundRecord(
            round_id=round_id,
            programme=self.programme.programme,
            instant=instant,
            seed=seed,
            mentees=0,
            mentors=0,
            proposed=len(result.pairings),
            refused=0,
            waiting=len(result.waiting),
            blocking_pairs=result.certificate.blocking_pairs,
            seconds=0.0,
            kind=kind,
            supply=supply_left(round_input, result) if is_round else (),
        )
        finished = programmes.finish(self.programme, record, now)
        self.programme = finished.state if finished is not None else self.programme
        solved = Solved(round_id, kind, instant, round_input, result)
        self.solved.append(solved)
        self.by_rescue |= {
            (round_id, one.mentee_id, one.mentor_id) for one in result.pairings if one.by_rescue
        }
        return solved

    def waiting_mentees(self) -> list[KnownPerson]:
        """Mentees in the pool without a running mentorship."""
        running = {
            one.mentee_id
            for one in self.matches.values()
            if one.open and one.status is MatchStatus.ACCEPTED
        }
        return [
            known
            for known in self.people.values()
            if known.is_in_pool
            and known.person is not None
            and known.person.role is Role.MENTEE
            and known.participant_id not in running
        ]

    # Inside -----------------------------------------------------------------------------------------

    def _of(self, event: Event[Payload]) -> KnownPerson | None:
        return self.people.get(event.subject)

    def decide(self, participant_id: str, rule: Rule) -> None:
        """One of the domain's decisions about a person, if she is known."""
        known = self.people.get(participant_id)
        if known is not None:
            self._change(participant_id, rule(known))

    def _change(self, participant_id: str, decided: Decision[KnownPerson] | None) -> None:
        if decided is not None:
            self.people[participant_id] = decided.state

    def _hear_that_she_was_asked(self, sent: MessageSent) -> None:
        match, side = self.matches.get(sent.match_id or ""), _ASKS.get(sent.kind)
        if match is not None and side is not None:
            decided = life.asked(match, side, sent.sent_at)
            self.matches[match.match_id] = decided.state if decided is not None else match

    def _withdraw_what_broke(self) -> None:
        for match_id, reason in self.broken().items():
            decided = life.withdraw(self.matches[match_id], reason)
            if isinstance(decided, Decision):
                self.matches[match_id] = decided.state

    def _active(self) -> dict[str, KnownPerson]:
        return {
            person_id: known
            for person_id, known in self.people.items()
            if known.status is ParticipantStatus.ACTIVE
        }

    def _begin_rounds(self, now: datetime) -> None:
        if self.programme is None or self.programme.next_round_at is not None:
            return
        if any(known.status is ParticipantStatus.ACTIVE for known in self.people.values()):
            begun = programmes.begin_rounds(self.programme, now)
            self.programme = begun.state if begun is not None else self.programme


def _was_lost(message: MessageFailed | MessageBounced) -> bool:
    """A proposal could not be brought; not one that nobody wanted sent any more."""
    if message.kind not in _ASKS:
        return False
    return isinstance(message, MessageBounced) or (
        message.reason is not FailureReason.NO_LONGER_MEANT
    )
