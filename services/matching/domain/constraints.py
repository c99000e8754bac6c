"""The hard constraints: what makes a pair impossible. Never scored, never broken.

Each rule says in a sentence why a pair fails it, or None. The sentence tells nothing private: not
who asked to be kept apart, nor who declined. `pairs` holds the same rules for whole blocks of
pairs, and a property test compares the two.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from services.matching.domain.person import Person


@dataclass(frozen=True, slots=True)
class Situation:
    """What two profiles do not tell: free seats by mentor, and (mentee, mentor) pairs of before."""

    free_seats: Mapping[str, int]
    never_again: Collection[tuple[str, str]]


class Constraint(Protocol):
    """One rule. `lasting` rules must also hold while a proposal waits for its answers."""

    @property
    def lasting(self) -> bool:
        """Whether a change of profile can break a pair that was matched."""
        ...

    def explain(self, mentee: Person, mentor: Person, situation: Situation, /) -> str | None:
        """Why the two cannot be matched, in a sentence for a coordinator; None if they can."""
        ...


@dataclass(frozen=True, slots=True)
class SharedLanguage:
    """There is a language that both want to use."""

    lasting: bool = True

    def explain(self, mentee: Person, mentor: Person, _: Situation, /) -> str | None:
        """See `Constraint.explain`."""
        if shared_languages(mentee, mentor):
            return None
        return "There is no language that both want to use."


@dataclass(frozen=True, slots=True)
class MeetingPlace:
    """They live in one municipality, or both are fine with meeting online."""

    lasting: bool = True

    def explain(self, mentee: Person, mentor: Person, _: Situation, /) -> str | None:
        """See `Constraint.explain`."""
        if in_one_city(mentee, mentor) or (mentee.meets_online and mentor.meets_online):
            return None
        return "They live in different municipalities, and not both are fine with meeting online."


@dataclass(frozen=True, slots=True)
class CommonTime:
    """There is a time of the week that suits both."""

    lasting: bool = True

    def explain(self, mentee: Person, mentor: Person, _: Situation, /) -> str | None:
        """See `Constraint.explain`."""
        if set(mentee.availability) & set(mentor.availability):
            return None
        return "No time of the week suits both."


@dataclass(frozen=True, slots=True)
class NotKeptApart:
    """Neither is on the other's list of people not to be matched with."""

    lasting: bool = True

    def explain(self, mentee: Person, mentor: Person, _: Situation, /) -> str | None:
        """See `Constraint.explain`."""
        kept_apart = (
            mentor.participant_id in mentee.apart_from or mentee.participant_id in mentor.apart_from
        )
        return "These two are kept apart." if kept_apart else None


@dataclass(frozen=True, slots=True)
class NeverBefore:
    """They were not proposed to each other before with a no, nor matched and ended."""

    lasting: bool = False

    def explain(self, mentee: Person, mentor: Person, situation: Situation, /) -> str | None:
        """See `Constraint.explain`."""
        if (mentee.participant_id, mentor.participant_id) in situation.never_again:
            return "These two were proposed to each other or matched before."
        return None


@dataclass(frozen=True, slots=True)
class FreeSeat:
    """The mentor has a seat that nobody holds."""

    lasting: bool = False

    def explain(self, _: Person, mentor: Person, situation: Situation, /) -> str | None:
        """See `Constraint.explain`."""
        if min(mentor.seats, situation.free_seats.get(mentor.participant_id, 0)) > 0:
            return None
        return "The mentor has no free seat now."


HARD_CONSTRAINTS: Final[tuple[Constraint, ...]] = (
    SharedLanguage(),
    MeetingPlace(),
    CommonTime(),
    NotKeptApart(),
    NeverBefore(),
    FreeSeat(),
)


def why_not(mentee: Person, mentor: Person, situation: Situation) -> tuple[str, ...]:
    """Every hard constraint that the pair fails, in the order of `HARD_CONSTRAINTS`."""
    sentences = (rule.explain(mentee, mentor, situation) for rule in HARD_CONSTRAINTS)
    return tuple(sentence for sentence in sentences if sentence)


def why_no_longer(mentee: Person, mentor: Person) -> tuple[str, ...]:
    """What has come between two who are already proposed to each other; empty if they still fit."""
    situation = Situation(free_seats={}, never_again=())
    sentences = (
        rule.explain(mentee, mentor, situation) for rule in HARD_CONSTRAINTS if rule.lasting
    )
    return tuple(sentence for sentence in sentences if sentence)


def in_one_city(mentee: Person, mentor: Person) -> bool:
    """Whether both live in one municipality. Who named none lives in nobody's."""
    return mentee.city is not None and mentee.city == mentor.city


def shared_languages(mentee: Person, mentor: Person) -> tuple[str, ...]:
    """Languages that both want to use: the most comfortable for both together first.

    Ranks count from 0 on each side's list; of equal sums, the one that the mentee named first.
    """
    shared = set(mentee.languages) & set(mentor.languages)
    return tuple(
        sorted(
            shared,
            key=lambda code: (language_rank(code, mentee, mentor), mentee.languages.index(code)),
        )
    )


def language_rank(code: str, mentee: Person, mentor: Person) -> int:
    """How far down a shared language stands on both lists together; 0 if first on both."""
    return mentee.languages.index(code) + mentor.languages.index(code)
