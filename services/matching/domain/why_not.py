"""Why two are not matched, for a coordinator who asks: everything in the way, or what decided. Pure.

It is answered from what is known now, not from what a past round saw. Nothing private of others is
in it: not who asked to be kept apart, nor who declined; of those who hold the mentor's seats only in
which respects the order of a round puts them first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.matching.domain.constraints import HARD_CONSTRAINTS, Constraint, FreeSeat, Situation
from services.matching.domain.constraints import why_not as constraints_failed
from services.matching.domain.factors import FACTORS
from services.matching.domain.match import Match
from services.matching.domain.people import KnownPerson
from services.matching.domain.person import Person
from services.matching.domain.pool import items_of
from shared.events.matches import Factor, MatchStatus, Reason
from shared.events.participants import ParticipantStatus, Role
from shared.events.programmes import ScoreWeights

_NO_SEAT: Final = FreeSeat()


class InTheWay(StrEnum):
    """One thing that stands between two people."""

    MENTEE_NOT_ACTIVE = "mentee_not_active"
    MENTOR_NOT_ACTIVE = "mentor_not_active"
    NO_SHARED_LANGUAGE = "no_shared_language"
    OUT_OF_REACH = "out_of_reach"
    NO_COMMON_TIME = "no_common_time"
    KEPT_APART = "kept_apart"
    MATCHED_BEFORE = "matched_before"
    NO_FREE_SEAT = "no_free_seat"
    HAS_OPEN_MATCH = "has_open_match"
    MATCHED_NOW = "matched_now"


class DecidedBy(StrEnum):
    """What decided where the two could be matched."""

    HAS_ONE_SHE_RANKS_HIGHER = "has_one_she_ranks_higher"
    HAS_ONE_AS_GOOD = "has_one_as_good"
    SEATS_WENT_TO_OTHERS = "seats_went_to_others"
    SEAT_CAME_LATER = "seat_came_later"
    NEXT_ROUND = "next_round"


class Ahead(StrEnum):
    """In which respect somebody who holds a seat comes first."""

    MENTORSHIP_RUNS = "mentorship_runs"
    WAITED_LONGER = "waited_longer"
    FEWER_OPTIONS = "fewer_options"
    MORE_IN_COMMON = "more_in_common"
    EARLIER_OR_BY_LOT = "earlier_or_by_lot"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One thing in the way, with a sentence for a coordinator."""

    code: InTheWay
    sentence: str


@dataclass(frozen=True, slots=True)
class Decided:
    """What decided, with a sentence for a coordinator. `ahead`: of those who hold the seats."""

    code: DecidedBy
    sentence: str
    ahead: tuple[Ahead, ...] = ()


@dataclass(frozen=True, slots=True)
class WhyNot:
    """The answer. `in_the_way`, the first thing first, is empty if the next round may match the two.

    The rest is None or empty where their profiles or their history forbid the pair. `reasons`: the
    points of every factor, also where there are none; they add up to `score`. `rank`: 1 if no mentor
    who fits her has more points, of `options` who fit her at all, free or not.
    """

    mentee_id: str
    mentor_id: str
    in_the_way: tuple[Obstacle, ...]
    score: int | None = None
    reasons: tuple[Reason, ...] = ()
    rank: int | None = None
    options: int | None = None
    decided: Decided | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """What the answer is drawn from, as it stands now.

    `mentors`: all mentors in the pool. `holders`: by id, the mentees who hold the mentor's seats.
    `binding`: open matches, and those that keep a pair apart, of all mentees named here.
    """

    mentee: KnownPerson
    mentor: KnownPerson
    mentors: Sequence[KnownPerson]
    holders: Mapping[str, KnownPerson]
    binding: Sequence[Match]
    weights: ScoreWeights

    @property
    def hers(self) -> Match | None:
        """The mentee's open match, if she has one."""
        mine = self.mentee.participant_id
        return next((one for one in self.binding if one.open and one.mentee_id == mine), None)

    @property
    def on_her_seats(self) -> list[Match]:
        """The open matches that hold the mentor's seats."""
        mentor_id = self.mentor.participant_id
        return [one for one in self.binding if one.open and one.mentor_id == mentor_id]

    def situation(self) -> Situation:
        """What the two profiles do not tell. An open match is no match of before."""
        person, mentor_id = self.mentor.person, self.mentor.participant_id
        seats = person.seats if person is not None else 0
        before = {(one.mentee_id, one.mentor_id) for one in self.binding if not one.open}
        return Situation({mentor_id: seats - len(self.on_her_seats)}, before)


def why_not(pair: Pair) -> WhyNot:
    """Why these two are not matched. Raises ValueError if they are not a mentee and a mentor."""
    mentee, mentor = pair.mentee.for_round(), pair.mentor.for_round()
    if (mentee and mentee.role is not Role.MENTEE) or (mentor and mentor.role is not Role.MENTOR):
        raise ValueError("why_not takes a mentee and a mentor, in this order.")
    ids = (pair.mentee.participant_id, pair.mentor.participant_id)
    away = [
        obstacle
        for known, code in (
            (pair.mentee, InTheWay.MENTEE_NOT_ACTIVE),
            (pair.mentor, InTheWay.MENTOR_NOT_ACTIVE),
        )
        for obstacle in _away(known, code)
    ]
    if mentee is None or mentor is None:
        return WhyNot(*ids, tuple(away))
    situation = pair.situation()
    obstacles = [*away, *_failed(mentee, mentor, situation), *_open_match(pair)]
    if any(obstacle.code not in _PASSING for obstacle in obstacles):
        return WhyNot(*ids, tuple(obstacles))
    reasons = all_points(mentee, mentor, pair.weights)
    score = sum(reason.points for reason in reasons)
    others = [
        _score(mentee, person, pair.weights)
        for person in _fitting(mentee, pair.mentors, situation)
        if person.participant_id != mentor.participant_id
    ]
    return WhyNot(
        *ids,
        tuple(obstacles),
        score,
        reasons,
        rank=1 + sum(other > score for other in others),
        options=len(others) + 1,
        decided=_decided(pair, mentee, mentor, score, len(others) + 1),
    )


def all_points(mentee: Person, mentor: Person, weights: ScoreWeights) -> tuple[Reason, ...]:
    """The points of every factor in the order of the contract, also where there are none."""
    rules = {rule.factor: rule for rule in FACTORS}
    found = []
    for factor in Factor:
        points, shared = rules[factor].points(getattr(weights, factor.value), mentee, mentor)
        found.append(Reason(factor=factor, points=points, shared=shared))
    return tuple(found)


def _away(known: KnownPerson, code: InTheWay) -> Iterable[Obstacle]:
    who = "The mentee" if code is InTheWay.MENTEE_NOT_ACTIVE else "The mentor"
    if known.status is not ParticipantStatus.ACTIVE or known.person is None:
        yield Obstacle(code, f"{who} is not active now: {known.status.value.replace('_', ' ')}.")
    elif known.unreached:
        yield Obstacle(code, f"{who} could not be reached by the last message.")
    elif known.resting:
        yield Obstacle(code, f"{who} wanted no other match after the last one, for the time being.")


def _failed(mentee: Person, mentor: Person, situation: Situation) -> Iterable[Obstacle]:
    for rule in HARD_CONSTRAINTS:
        if sentence := rule.explain(mentee, mentor, situation):
            yield Obstacle(_code_of(rule), sentence)


def _code_of(rule: Constraint) -> InTheWay:
    return _CODES[type(rule).__name__]


_CODES: Final[Mapping[str, InTheWay]] = {
    "SharedLanguage": InTheWay.NO_SHARED_LANGUAGE,
    "MeetingPlace": InTheWay.OUT_OF_REACH,
    "CommonTime": InTheWay.NO_COMMON_TIME,
    "NotKeptApart": InTheWay.KEPT_APART,
    "NeverBefore": InTheWay.MATCHED_BEFORE,
    "FreeSeat": InTheWay.NO_FREE_SEAT,
}

_PASSING: Final = frozenset({InTheWay.NO_FREE_SEAT, InTheWay.HAS_OPEN_MATCH, InTheWay.MATCHED_NOW})
"""What another round may change: their profiles allow the pair."""


def _open_match(pair: Pair) -> Iterable[Obstacle]:
    hers = pair.hers
    if hers is None:
        return
    if hers.mentor_id == pair.mentor.participant_id:
        yield Obstacle(InTheWay.MATCHED_NOW, "These two have an open match with each other.")
    else:
        yield Obstacle(InTheWay.HAS_OPEN_MATCH, "The mentee has an open match with another mentor.")


def _fitting(
    mentee: Person, mentors: Iterable[KnownPerson], situation: Situation
) -> Iterable[Person]:
    """The mentors who fit her, whether they have a free seat or not."""
    for known in mentors:
        person = known.person
        if person is None or not known.is_in_pool or person.role is not Role.MENTOR:
            continue
        seat_aside = Situation({person.participant_id: person.seats}, situation.never_again)
        if not constraints_failed(mentee, person, seat_aside):
            yield person


def _score(mentee: Person, mentor: Person, weights: ScoreWeights) -> int:
    return sum(
        rule.points(getattr(weights, rule.factor.value), mentee, mentor)[0] for rule in FACTORS
    )


def _decided(
    pair: Pair, mentee: Person, mentor: Person, score: int, options: int
) -> Decided | None:
    hers = pair.hers
    if hers is not None and hers.mentor_id == mentor.participant_id:
        return None
    if hers is not None and hers.score > score:
        return Decided(
            DecidedBy.HAS_ONE_SHE_RANKS_HIGHER,
            "She has an open match with a mentor who suits her better by points.",
        )
    if hers is not None and hers.score == score:
        return Decided(
            DecidedBy.HAS_ONE_AS_GOOD,
            "She has an open match with a mentor who suits her as well by points.",
        )
    if _NO_SEAT.explain(mentee, mentor, pair.situation()):
        return Decided(
            DecidedBy.SEATS_WENT_TO_OTHERS,
            "The mentor's seats went to others.",
            _ahead(pair, mentee, mentor, options),
        )
    if hers is not None:
        return Decided(
            DecidedBy.SEAT_CAME_LATER,
            "The mentor has a free seat now, but she had been matched with somebody else by then.",
        )
    return Decided(DecidedBy.NEXT_ROUND, "Nothing: the next round may match the two.")


def _ahead(pair: Pair, mentee: Person, mentor: Person, options: int) -> tuple[Ahead, ...]:
    """In which respects those on the mentor's seats come before the mentee, as things are now."""
    found: set[Ahead] = set()
    situation = pair.situation()
    for match in pair.on_her_seats:
        holder = pair.holders.get(match.mentee_id)
        person = holder.for_round() if holder is not None else None
        if match.status is MatchStatus.ACCEPTED:
            found.add(Ahead.MENTORSHIP_RUNS)
            continue
        if person is None:
            continue
        respects = set()
        if person.available_since < mentee.available_since:
            respects.add(Ahead.WAITED_LONGER)
        if sum(1 for _ in _fitting(person, pair.mentors, situation)) < options:
            respects.add(Ahead.FEWER_OPTIONS)
        if len(items_of(person) & items_of(mentor)) > len(items_of(mentee) & items_of(mentor)):
            respects.add(Ahead.MORE_IN_COMMON)
        found |= respects or {Ahead.EARLIER_OR_BY_LOT}
    return tuple(respect for respect in Ahead if respect in found)
