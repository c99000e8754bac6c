"""A synthetic, seeded population for benchmarks: nobody in it is real.

Cities have Zipf sizes; most people list the host language, many one of a few others first;
professions, interests and times are drawn with a few favourites, as in real networks. It is made as
columns, so that a million people cost little; `a_round` is the same people one by one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from services.matching.domain.person import Person
from services.matching.domain.pool import Apart, Classes, Pool, Side, bits
from services.matching.domain.round import RoundInput
from shared.events.participants import KindOfHelp, Role, TimeOfWeek
from shared.events.programmes import ScoreWeights

NOW: Final = datetime(2026, 3, 2, 4, tzinfo=UTC)
HOST_LANGUAGE: Final = "da"
OTHER_LANGUAGES: Final = ("ar", "uk", "fa", "ti", "so", "ru", "tr", "pl", "es", "fr", "ur", "th")
LANGUAGES: Final = (HOST_LANGUAGE, "en", *OTHER_LANGUAGES)
INTERESTS: Final = tuple(f"interest-{number}" for number in range(40))
TOPICS: Final = tuple(f"topic-{number}" for number in range(12))
ITEMS: Final = (
    *(("interest", code) for code in INTERESTS),
    *(("topic", code) for code in TOPICS),
)
PROFESSIONS: Final = tuple(
    f"{major}{sub}{minor}{unit}"
    for major in range(1, 10)
    for sub in range(1, 5)
    for minor in range(1, 4)
    for unit in range(1, 5)
)
EDUCATION: Final = tuple((level, f"{field:02}") for level in range(2, 9) for field in range(11))
# Mentees for each mentor. Mentors have 1 to 3 seats, so `scarce` is about one seat for two mentees.
SUPPLY: Final = {"scarce": 3.0, "usual": 1.3, "plentiful": 0.8}
SEATS: Final = (1, 1, 1, 2, 3)

_ROWS_AT_ONCE: Final = 50_000  # so that drawing takes less memory than the people

_IDS_KEPT = 100_000

Rows = NDArray[np.int64]
Code = TypeVar("Code", bound=str)


@dataclass(frozen=True, slots=True)
class Numbered(Sequence[str]):
    """Ids that are made when they are asked for: `mentee-0000000`, `mentee-0000001`, …"""

    role: Role
    first: int
    people: int

    def __len__(self) -> int:
        return self.people

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(self.people))]
        if not -self.people <= index < self.people:
            raise IndexError(index)
        return f"{self.role.value}-{self.first + index % self.people:07}"

    def __iter__(self) -> Iterator[str]:
        return (self[row] for row in range(self.people))


def a_pool(people: int, seed: int = 1, supply: str = "usual", cities: int = 100) -> Pool:
    """So many people, mentees and mentors together, in columns; every seat is free."""
    random = np.random.default_rng(seed)
    mentees = round(people * SUPPLY[supply] / (1 + SUPPLY[supply]))
    mentors = people - mentees
    nothing = np.zeros(0, np.int64)
    return Pool(
        mentees=_side(random, Role.MENTEE, 0, mentees, cities),
        mentors=_side(random, Role.MENTOR, mentees, mentors, cities),
        cities=tuple(str(101 + city) for city in range(cities)),
        items=ITEMS,
        free_seats=random.choice(np.array(SEATS), mentors),
        apart=Apart.of(nothing, nothing, mentees),
    )


def a_round(people: int, seed: int = 1, supply: str = "usual", cities: int = 100) -> RoundInput:
    """The people of `a_pool`, one by one."""
    pool = a_pool(people, seed, supply, cities)
    seats = pool.free_seats.tolist()
    everybody = [
        _person(pool, pool.mentees, row, Role.MENTEE, 0) for row in range(len(pool.mentees))
    ]
    everybody += [
        _person(pool, pool.mentors, row, Role.MENTOR, seats[row])
        for row in range(len(pool.mentors))
    ]
    return RoundInput(
        people=everybody,
        free_seats={one.participant_id: one.seats for one in everybody if one.seats},
        never_again=(),
        weights=ScoreWeights(),
        seed=seed,
        now=NOW,
    )


def _side(random: np.random.Generator, role: Role, first: int, count: int, cities: int) -> Side:
    is_mentor = role is Role.MENTOR
    days = random.integers(0, 241, count)
    parts = [min(_ROWS_AT_ONCE, count - row) for row in range(0, count, _ROWS_AT_ONCE)] or [0]
    wished = _zipf(random, len(PROFESSIONS), count) + 1
    wished[random.random(count) >= (0 if is_mentor else 0.4)] = 0
    return Side(
        ids=_ids(role, first, count),
        since=(int(NOW.timestamp()) - days * 86_400) * 1_000_000,
        city=_zipf(random, cities, count),
        online=random.random(count) < 0.4,
        languages=_languages(random, count, is_mentor=is_mentor),
        times=_sets(random, tuple(TimeOfWeek), parts, 2, 4),
        kinds_of_help=_sets(random, tuple(KindOfHelp), parts, *((2, 4) if is_mentor else (1, 3))),
        professions=Classes(PROFESSIONS, _zipf(random, len(PROFESSIONS), count)),
        wished_professions=Classes((None, *PROFESSIONS), wished.astype(np.int32)),
        education=Classes(EDUCATION, random.integers(0, len(EDUCATION), count, np.int32)),
        common_ground=np.concatenate([_items(random, part) for part in parts]),
    )


def _ids(role: Role, first: int, count: int) -> Sequence[str]:
    """Made beforehand while they are few: making them is no part of what is measured."""
    numbered = Numbered(role, first, count)
    return tuple(numbered) if count <= _IDS_KEPT else numbered


def _zipf(random: np.random.Generator, count: int, people: int) -> NDArray[np.int32]:
    """Indices below `count`; the k-th is drawn in proportion to 1/k."""
    chances = 1 / np.arange(1, count + 1)
    drawn = np.searchsorted(np.cumsum(chances) / chances.sum(), random.random(people))
    return np.minimum(drawn, count - 1).astype(np.int32)


def _languages(
    random: np.random.Generator, count: int, *, is_mentor: bool
) -> Classes[tuple[str, ...]]:
    host = np.full(count, True) if is_mentor else random.random(count) < 0.6
    english = random.random(count) < (0.8 if is_mentor else 0.5)
    other = (random.random(count) < (0.15 if is_mentor else 0.9)) | (~host & ~english)
    which = (random.random(count) ** 2 * len(OTHER_LANGUAGES)).astype(np.int64)
    spoken = np.stack(
        (np.where(host, 1, 0), np.where(english, 2, 0), np.where(other, 3 + which, 0)), axis=1
    )
    spoken = random.permuted(spoken, axis=1)
    # As one number for each order of languages: the places are digits, 0 is no language.
    digits = spoken @ np.array([10_000, 100, 1])
    codes, of = np.unique(digits, return_inverse=True)
    return Classes(
        tuple(
            tuple(
                LANGUAGES[place - 1]
                for place in (code // 10_000, code // 100 % 100, code % 100)
                if place
            )
            for code in codes.tolist()
        ),
        of.astype(np.int32),
    )


def _sets(
    random: np.random.Generator, choices: tuple[Code, ...], parts: list[int], least: int, most: int
) -> Classes[frozenset[str]]:
    """For each person `least` to `most` of the choices."""
    masks = np.concatenate(
        [
            _some(random, len(choices), part, least, most) @ (1 << np.arange(len(choices)))
            for part in parts
        ]
    )
    found, of = np.unique(masks, return_inverse=True)
    return Classes(
        tuple(
            frozenset(choice for place, choice in enumerate(choices) if mask >> place & 1)
            for mask in found.tolist()
        ),
        of.astype(np.int32),
    )


def _items(random: np.random.Generator, people: int) -> NDArray[np.uint64]:
    interests = _some(random, len(INTERESTS), people, 2, 6)
    topics = _some(random, len(TOPICS), people, 0, 3)
    return bits(np.concatenate((interests, topics), axis=1).astype(np.uint8))


def _some(
    random: np.random.Generator, choices: int, people: int, least: int, most: int
) -> NDArray[np.int16]:
    """Which of the choices each person has, shape (people, choices), 0 or 1."""
    keys = random.random((people, choices), np.float32)
    places = keys.argsort(axis=1).argsort(axis=1)
    wanted = random.integers(least, most + 1, people)
    return (places < wanted[:, None]).astype(np.int16)


def _person(pool: Pool, side: Side, row: int, role: Role, seats: int) -> Person:
    level, field = side.education.values[side.education.of[row]]
    items = _unpacked(side.common_ground[row])
    return Person(
        participant_id=side.ids[row],
        role=role,
        city=pool.cities[side.city[row]],
        languages=side.languages.values[side.languages.of[row]],
        meets_online=bool(side.online[row]),
        availability=_in_order(TimeOfWeek, side.times.values[side.times.of[row]]),
        kinds_of_help=_in_order(KindOfHelp, side.kinds_of_help.values[side.kinds_of_help.of[row]]),
        profession=side.professions.values[side.professions.of[row]],
        wished_profession=side.wished_professions.values[side.wished_professions.of[row]],
        education_level=level,
        education_field=field,
        interests=tuple(code for kind, code in items if kind == "interest"),
        topics=tuple(code for kind, code in items if kind == "topic"),
        seats=seats,
        apart_from=(),
        available_since=datetime(1970, 1, 1, tzinfo=UTC)
        + timedelta(microseconds=int(side.since[row])),
    )


def _in_order(choices: type[Code], chosen: frozenset[str]) -> tuple[Code, ...]:
    return tuple(choice for choice in choices if choice in chosen)  # type: ignore[attr-defined]


def _unpacked(words: NDArray[np.uint64]) -> list[tuple[str, str]]:
    occurs = np.unpackbits(np.ascontiguousarray(words).view(np.uint8))
    return [ITEMS[place] for place in np.flatnonzero(occurs).tolist()]
