"""A synthetic, seeded population for benchmarks: nobody in it is real.

Cities have Zipf sizes; most people list the host language, many one of a few others first;
professions, interests and times are drawn with a few favourites, as in real networks.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final, TypeVar

from services.matching.domain.person import Person
from services.matching.domain.round import RoundInput
from shared.events.participants import KindOfHelp, Role, TimeOfWeek
from shared.events.programmes import ScoreWeights

NOW: Final = datetime(2026, 3, 2, 4, tzinfo=UTC)
HOST_LANGUAGE: Final = "da"
OTHER_LANGUAGES: Final = ("ar", "uk", "fa", "ti", "so", "ru", "tr", "pl", "es", "fr", "ur", "th")
INTERESTS: Final = tuple(f"interest-{number}" for number in range(40))
TOPICS: Final = tuple(f"topic-{number}" for number in range(12))
PROFESSIONS: Final = tuple(
    f"{major}{sub}{minor}{unit}"
    for major in range(1, 10)
    for sub in range(1, 5)
    for minor in range(1, 4)
    for unit in range(1, 5)
)
# Mentees for each mentor. Mentors have 1 to 3 seats, so `scarce` is about one seat for two mentees.
SUPPLY: Final = {"scarce": 3.0, "usual": 1.3, "plentiful": 0.8}

Choice = TypeVar("Choice")


@dataclass(frozen=True, slots=True)
class Zipf:
    """Draws an index below `count`; the k-th is drawn in proportion to 1/k."""

    cumulative: tuple[float, ...]

    @classmethod
    def of(cls, count: int) -> "Zipf":
        """The distribution over `count` indices."""
        total, sums = 0.0, []
        for place in range(1, count + 1):
            total += 1 / place
            sums.append(total)
        return cls(tuple(sums))

    def draw(self, random: Random) -> int:
        """One index."""
        return random.choices(range(len(self.cumulative)), cum_weights=self.cumulative)[0]


def a_round(people: int, seed: int = 1, supply: str = "usual", cities: int = 100) -> RoundInput:
    """A round with this many people, mentees and mentors together; every seat is free."""
    random = Random(seed)  # noqa: S311 (repeatable, not secret)
    mentees = round(people * SUPPLY[supply] / (1 + SUPPLY[supply]))
    city, profession = Zipf.of(cities), Zipf.of(len(PROFESSIONS))
    everybody = [
        _person(random, Role.MENTEE if number < mentees else Role.MENTOR, number, city, profession)
        for number in range(people)
    ]
    return RoundInput(
        people=everybody,
        free_seats={one.participant_id: one.seats for one in everybody if one.seats},
        never_again=(),
        weights=ScoreWeights(),
        seed=seed,
        now=NOW,
    )


def _person(random: Random, role: Role, number: int, city: Zipf, profession: Zipf) -> Person:
    is_mentor = role is Role.MENTOR
    wishes_another = not is_mentor and random.random() < 0.4
    return Person(
        participant_id=f"{role.value}-{number:07}",
        role=role,
        city=str(101 + city.draw(random)),
        languages=_languages(random, is_mentor),
        meets_online=random.random() < 0.4,
        availability=_some(random, tuple(TimeOfWeek), 2, 4),
        kinds_of_help=_some(random, tuple(KindOfHelp), 2, 4) if is_mentor
        else _some(random, tuple(KindOfHelp), 1, 3),
        profession=PROFESSIONS[profession.draw(random)],
        wished_profession=PROFESSIONS[profession.draw(random)] if wishes_another else None,
        education_level=random.randint(2, 8),
        education_field=f"{random.randint(0, 10):02}",
        interests=_some(random, INTERESTS, 2, 6),
        topics=_some(random, TOPICS, 0, 3),
        seats=random.choice((1, 1, 1, 2, 3)) if is_mentor else 0,
        apart_from=(),
        available_since=NOW - timedelta(days=random.randint(0, 240)),
    )  # fmt: skip


def _languages(random: Random, is_mentor: bool) -> tuple[str, ...]:
    spoken = []
    if is_mentor or random.random() < 0.6:
        spoken.append(HOST_LANGUAGE)
    if random.random() < (0.8 if is_mentor else 0.5):
        spoken.append("en")
    if not spoken or random.random() < (0.15 if is_mentor else 0.9):
        spoken.append(OTHER_LANGUAGES[int(random.random() ** 2 * len(OTHER_LANGUAGES))])
    random.shuffle(spoken)
    return tuple(spoken)


def _some(random: Random, choices: tuple[Choice, ...], least: int, most: int) -> tuple[Choice, ...]:
    return tuple(random.sample(choices, random.randint(least, most)))
