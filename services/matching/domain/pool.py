"""The people of a round in columns: one row a person, no Python object for each.

An attribute with few distinct values becomes classes: each value once, and for each person the
index of hers. A rule is then worked out once for each pair of classes, not of people.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.person import Person
from services.matching.domain.round import RoundInput
from shared.events.participants import Role

Value = TypeVar("Value", bound=Hashable)
Item = tuple[str, str]  # ("interest" or "topic", code)

MICROSECONDS_A_DAY: Final = 86_400_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Classes(Generic[Value]):
    """`values`: each distinct value once. `of`: shape (people,), the index of each one's value."""

    values: tuple[Value, ...]
    of: NDArray[np.int32]

    @classmethod
    def by(cls, people: Sequence[Person], value: Callable[[Person], Value]) -> "Classes[Value]":
        """The classes of an attribute, in the order in which the values first occur."""
        index: dict[Value, int] = {}
        of = [index.setdefault(value(person), len(index)) for person in people]
        return cls(tuple(index), np.array(of, np.int32))


@dataclass(frozen=True, slots=True)
class Side:
    """All mentees, or all mentors. Every array has one row a person, in the order of `ids`.

    `since`: microseconds after 1970 (UTC) from which waiting counts. `city`: index into the pool's
    cities, -1 for none. `common_ground`: shape (people, words), one bit for each of the pool's items.
    """

    ids: Sequence[str]
    since: NDArray[np.int64]
    city: NDArray[np.int32]
    online: NDArray[np.bool_]
    languages: Classes[tuple[str, ...]]
    times: Classes[frozenset[str]]
    kinds_of_help: Classes[frozenset[str]]
    professions: Classes[str | None]
    wished_professions: Classes[str | None]
    education: Classes[tuple[int | None, str | None]]
    common_ground: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True)
class Apart:
    """Pairs that must not be: by mentee's row, the rows of mentors in ascending order.

    Those of mentee `row` are `mentors[start[row]:start[row + 1]]`; `start`: shape (mentees + 1,).
    """

    start: NDArray[np.int64]
    mentors: NDArray[np.int32]

    @classmethod
    def of(cls, mentees: NDArray[np.integer], mentors: NDArray[np.integer], count: int) -> "Apart":
        """From pairs of rows, shapes (pairs,); `count` is the number of all mentees."""
        found = np.unique(np.stack((mentees, mentors)).astype(np.int64), axis=1)
        start = np.searchsorted(found[0], np.arange(count + 1))
        return cls(start.astype(np.int64), found[1].astype(np.int32))

    def from_mentee(self, row: int) -> NDArray[np.int32]:
        """The rows of mentors whom this mentee must not be matched with."""
        return self.mentors[self.start[row] : self.start[row + 1]]

    def forbids(
        self, mentees: NDArray[np.integer], mentors: NDArray[np.integer]
    ) -> NDArray[np.bool_]:
        """Which of these pairs must not be, shape (n,)."""
        forbidden = np.zeros(len(mentees), np.bool_)
        for place in np.flatnonzero(self.start[mentees + 1] > self.start[mentees]).tolist():
            forbidden[place] = mentors[place] in self.from_mentee(int(mentees[place]))
        return forbidden


@dataclass(frozen=True, slots=True)
class Pool:
    """Both sides of a round, each sorted by participant_id.

    `cities`, `items`: the codes that the columns index, sorted. `free_seats`: shape (mentors,),
    never more than the mentor's capacity.
    """

    mentees: Side
    mentors: Side
    cities: tuple[str, ...]
    items: tuple[Item, ...]
    free_seats: NDArray[np.int64]
    apart: Apart

    @classmethod
    def of(cls, round_input: RoundInput) -> "Pool":
        """The columns. Raises ValueError if a participant is in the input twice."""
        people = sorted(round_input.people, key=lambda person: person.participant_id)
        for one, other in pairwise(people):
            if one.participant_id == other.participant_id:
                raise ValueError(
                    f"Participant {one.participant_id} is in the round twice; pass everybody once."
                )
        mentees = tuple(person for person in people if person.role is Role.MENTEE)
        mentors = tuple(person for person in people if person.role is Role.MENTOR)
        cities = tuple(sorted({person.city for person in people if person.city is not None}))
        items = tuple(sorted(_items_of(mentees) & _items_of(mentors)))
        seats = [
            max(0, min(mentor.seats, round_input.free_seats.get(mentor.participant_id, 0)))
            for mentor in mentors
        ]
        return cls(
            mentees=side_of(mentees, cities, items),
            mentors=side_of(mentors, cities, items),
            cities=cities,
            items=items,
            free_seats=np.array(seats, np.int64),
            apart=_apart(mentees, mentors, round_input.never_again),
        )


def microseconds(at: datetime) -> int:
    """After 1970 (UTC)."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def side_of(people: Sequence[Person], cities: Sequence[str], items: Sequence[Item]) -> Side:
    """The columns of some people; cities and items that are not named here count as none."""
    city_index = {city: index for index, city in enumerate(cities)}
    return Side(
        ids=[person.participant_id for person in people],
        since=np.array([microseconds(person.available_since) for person in people], np.int64),
        city=np.array(
            [-1 if person.city is None else city_index.get(person.city, -1) for person in people],
            np.int32,
        ),
        online=np.array([person.meets_online for person in people], np.bool_),
        languages=Classes.by(people, lambda person: person.languages),
        times=Classes.by(people, lambda person: frozenset(person.availability)),
        kinds_of_help=Classes.by(people, lambda person: frozenset(person.kinds_of_help)),
        professions=Classes.by(people, lambda person: person.profession),
        wished_professions=Classes.by(people, lambda person: person.wished_profession),
        education=Classes.by(
            people, lambda person: (person.education_level, person.education_field)
        ),
        common_ground=bits(occurrence(map(items_of, people), len(people), items)),
    )


def bits(occurs: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Rows of 0 and 1 as words of 64 bits, at least one: shape (rows, words)."""
    padding = -occurs.shape[1] % 64 if occurs.shape[1] else 64
    packed = np.packbits(np.pad(occurs, ((0, 0), (0, padding))), axis=1)
    return packed.view(np.uint64)


def occurrence(
    sets: Iterable[Iterable[Hashable]], count: int, items: Sequence[Hashable]
) -> NDArray[np.uint8]:
    """Which of the items each of `count` sets holds: shape (count, items), 0 or 1."""
    column = {item: index for index, item in enumerate(items)}
    found = np.zeros((count, len(items)), np.uint8)
    places = (
        row * len(items) + column[item]
        for row, members in enumerate(sets)
        for item in members
        if item in column
    )
    found.reshape(-1)[np.fromiter(places, np.int64)] = 1
    return found


def items_of(person: Person) -> frozenset[Item]:
    """Her interests and the life topics that she chose to share; the two never mix."""
    interests = (("interest", code) for code in person.interests)
    return frozenset(interests).union(("topic", code) for code in person.topics)


def _items_of(people: Iterable[Person]) -> set[Item]:
    return {item for person in people for item in items_of(person)}


def _apart(
    mentees: Sequence[Person], mentors: Sequence[Person], never_again: Iterable[tuple[str, str]]
) -> Apart:
    """Pairs kept apart by either side, or matched before."""
    mentee_row = {person.participant_id: row for row, person in enumerate(mentees)}
    mentor_row = {person.participant_id: row for row, person in enumerate(mentors)}
    pairs = [
        *((mentee.participant_id, other) for mentee in mentees for other in mentee.apart_from),
        *((other, mentor.participant_id) for mentor in mentors for other in mentor.apart_from),
        *never_again,
    ]
    rows = [
        (mentee_row[mentee_id], mentor_row[mentor_id])
        for mentee_id, mentor_id in pairs
        if mentee_id in mentee_row and mentor_id in mentor_row
    ]
    found = np.array(rows, np.int64).reshape(-1, 2)
    return Apart.of(found[:, 0], found[:, 1], len(mentees))
