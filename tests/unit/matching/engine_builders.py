"""People and rounds for the tests of the engine: `a_mentee("amal").in_("461").speaking("ar")`.

Without a word, everybody lives in 461, speaks Danish, has Monday evenings, and fits everybody.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from services.matching.domain.person import Person
from services.matching.domain.round import RoundInput
from shared.events.participants import KindOfHelp, Role, TimeOfWeek
from shared.events.programmes import ScoreWeights

NOW = datetime(2026, 3, 2, 4, tzinfo=UTC)
WEIGHTS = ScoreWeights()


@dataclass(frozen=True)
class Builder:
    """A person in the making; every method gives a new one."""

    person: Person

    def having(self, **fields: Any) -> "Builder":
        return Builder(replace(self.person, **fields))

    def in_(self, city: str | None) -> "Builder":
        return self.having(city=city)

    def speaking(self, *languages: str) -> "Builder":
        return self.having(languages=languages)

    def online(self) -> "Builder":
        return self.having(meets_online=True)

    def free_at(self, *times: TimeOfWeek) -> "Builder":
        return self.having(availability=times)

    def with_help(self, *kinds: KindOfHelp) -> "Builder":
        return self.having(kinds_of_help=kinds)

    def working_as(self, profession: str) -> "Builder":
        return self.having(profession=profession)

    def wishing_for(self, profession: str) -> "Builder":
        return self.having(wished_profession=profession)

    def educated(self, level: int | None, field: str | None) -> "Builder":
        return self.having(education_level=level, education_field=field)

    def liking(self, *interests: str) -> "Builder":
        return self.having(interests=interests)

    def apart_from(self, *others: str) -> "Builder":
        return self.having(apart_from=others)

    def waiting_since(self, days: int) -> "Builder":
        return self.having(available_since=NOW - timedelta(days=days))


def a_mentee(participant_id: str = "mentee") -> Builder:
    return Builder(_somebody(participant_id, Role.MENTEE, seats=0))


def a_mentor(participant_id: str = "mentor", seats: int = 1) -> Builder:
    return Builder(_somebody(participant_id, Role.MENTOR, seats))


def a_round(*people: Builder, **fields: Any) -> RoundInput:
    """A round of these people, every seat free unless `free_seats` says otherwise."""
    return round_of([builder.person for builder in people], **fields)


def round_of(
    people: Collection[Person],
    free_seats: dict[str, int] | None = None,
    never_again: Collection[tuple[str, str]] = (),
    weights: ScoreWeights = WEIGHTS,
    seed: int = 1,
) -> RoundInput:
    if free_seats is None:
        free_seats = {one.participant_id: one.seats for one in people if one.seats}
    return RoundInput(tuple(people), free_seats, never_again, weights, seed, NOW)


def mentees_of(round_input: RoundInput) -> list[Person]:
    """In the order of their ids, which is that of the engine's rows."""
    return _of_role(round_input, Role.MENTEE)


def mentors_of(round_input: RoundInput) -> list[Person]:
    return _of_role(round_input, Role.MENTOR)


def _of_role(round_input: RoundInput, role: Role) -> list[Person]:
    found = [person for person in round_input.people if person.role is role]
    return sorted(found, key=lambda person: person.participant_id)


def _somebody(participant_id: str, role: Role, seats: int) -> Person:
    return Person(
        participant_id=participant_id,
        role=role,
        city="461",
        languages=("da",),
        meets_online=False,
        availability=(TimeOfWeek.MON_EVENING,),
        kinds_of_help=(),
        profession=None,
        wished_profession=None,
        education_level=None,
        education_field=None,
        interests=(),
        topics=(),
        seats=seats,
        apart_from=(),
        available_since=NOW,
    )


# Small vocabularies, so that people often share something, and often are equals.
LANGUAGES = ("da", "ar", "uk", "en")
TIMES = tuple(TimeOfWeek)[:4]
PROFESSIONS = ("2511", "2512", "2521", "2221", "3111", "25", "")
ITEMS = ("cooking", "films", "football", "gardens", "reading", "single parent")


def some(choices: Iterable[Any], most: int = 3) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(st.sampled_from(sorted(choices)), max_size=most, unique=True).map(tuple)


@st.composite
def people(draw: st.DrawFn, participant_id: str, role: Role) -> Person:
    return Person(
        participant_id=participant_id,
        role=role,
        city=draw(st.sampled_from(("461", "101", None))),
        languages=draw(some(LANGUAGES)),
        meets_online=draw(st.booleans()),
        availability=draw(some(TIMES)),
        kinds_of_help=draw(some(KindOfHelp)),
        profession=draw(st.none() | st.sampled_from(PROFESSIONS)),
        wished_profession=draw(st.none() | st.sampled_from(PROFESSIONS)),
        education_level=draw(st.none() | st.integers(0, 8)),
        education_field=draw(st.none() | st.sampled_from(("01", "06"))),
        interests=draw(some(ITEMS, most=6)),
        topics=draw(some(ITEMS)),
        seats=draw(st.integers(0, 3)) if role is Role.MENTOR else 0,
        apart_from=draw(some(("mentee-0", "mentee-1", "mentor-0", "mentor-1", "nobody"), most=1)),
        available_since=NOW - timedelta(days=draw(st.integers(-1, 200))),
    )


@st.composite
def rounds(draw: st.DrawFn, most: int = 5) -> RoundInput:
    """Small rounds with everything in them: full mentors, old pairs, people apart, odd weights."""
    mentee_ids = [f"mentee-{number}" for number in range(draw(st.integers(0, most)))]
    mentor_ids = [f"mentor-{number}" for number in range(draw(st.integers(0, most)))]
    everybody = [draw(people(one, Role.MENTEE)) for one in mentee_ids]
    everybody += [draw(people(one, Role.MENTOR)) for one in mentor_ids]
    pairs = st.tuples(
        st.sampled_from([*mentee_ids, "gone"]), st.sampled_from([*mentor_ids, "gone"])
    )
    return RoundInput(
        people=draw(st.permutations(everybody)),
        free_seats={one: draw(st.integers(0, 3)) for one in mentor_ids if draw(st.booleans())}
        if draw(st.booleans())
        else {one.participant_id: one.seats for one in everybody},
        never_again=frozenset(draw(st.lists(pairs, max_size=2))),
        weights=draw(st.sampled_from((WEIGHTS, UNEVEN))),
        seed=draw(st.integers(-3, 3)),
        now=NOW,
    )


UNEVEN = ScoreWeights(
    kinds_of_help=7,
    profession=333,
    education=99,
    wished_profession=0,
    common_ground=501,
    language_comfort=11,
    same_city=1,
)
