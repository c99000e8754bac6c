"""Invents the people of a mentor network as a coordinator's spreadsheet has them.

The same count and seed always give the same people. Untidiness is put on afterwards, with numbers
of its own: the tidy and the untidy spreadsheet tell of the same people, except for what is wrong.

    python -m deploy.sample.people --count 800 --seed 1 --out people.csv
"""

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Annotated, Final, TypeVar

import typer

from deploy.sample.names import NAMES
from deploy.sample.words import (
    BY_SIZE,
    GOALS,
    INTERESTS,
    LANGUAGE_NAMES,
    MENTEES_LANGUAGES,
    MENTOR_GOALS,
    MENTOR_REQUESTS,
    MENTOR_STORIES,
    MENTORS_OTHER_LANGUAGES,
    OCCUPATIONS,
    POSTSCRIPTS,
    REQUESTS,
    STORIES,
    TOPICS,
)
from services.intake.domain.tables import load_tables
from shared.events.participants import KindOfHelp, TimeOfWeek

COLUMNS: Final = (
    *("role", "name", "email", "phone", "municipality", "languages", "profession", "isco"),
    *("education", "wants_or_offers", "interests", "common_topics", "availability", "online_ok"),
    *("seats", "not_with", "locale", "charter", "story", "goals", "request"),
)
CHARTER: Final = "2026-1"
MENTEES_PER_MENTOR: Final = 1.3
ONE_RECORD_REPEATED_IN: Final = 250
WRONG_SHARE: Final = 0.02
WRONG: Final = (
    ("role", "menter"),
    ("email", ""),
    ("email", "not-an-address"),
    ("municipality", "Atlantis"),
    ("languages", ""),
    ("languages", "klingonsk"),
    ("isco", "99x1"),
    ("wants_or_offers", ""),
    ("availability", "someday"),
    ("charter", ""),
)

_TABLES: Final = load_tables()
_CITIES: Final = (*BY_SIZE, *sorted(set(_TABLES.places) - set(BY_SIZE)))

T = TypeVar("T")
Record = dict[str, str]


def generate(count: int, seed: int, *, untidy: bool = True) -> Iterator[Record]:
    """`count` records. Untidy: spelled in many ways, some with a wrong field, some repeated."""
    repeats = count // ONE_RECORD_REPEATED_IN if untidy else 0
    people = _people(count - repeats, Random(seed))  # noqa: S311 - repeatable on purpose
    if not untidy:
        yield from people
        return
    rng = Random(f"untidy {seed}")  # noqa: S311 - repeatable on purpose
    # Of the last records without a wrong field, as many as are repeated at the end.
    right: deque[Record] = deque(maxlen=repeats)
    for person in people:
        record = _untidy(person, rng)
        if rng.random() < WRONG_SHARE:
            field, value = _one(rng, WRONG)
            yield record | {field: value}
        else:
            right.append(record)
            yield record
    yield from right


def write(path: Path, count: int, seed: int, *, untidy: bool = True) -> None:
    """A CSV file of generated people, as Excel writes it: UTF-8 with a byte order mark."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        # A plain newline, so that no tool that mends line ends changes the file.
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(generate(count, seed, untidy=untidy))


def _people(count: int, rng: Random) -> Iterator[Record]:
    for number in range(count):
        person = _person(number, rng)
        if rng.random() < 0.015:
            other = int(rng.random() * count)
            person["not_with"] = f"person{other}@example.org" if other != number else ""
        yield person


def _person(number: int, rng: Random) -> Record:
    is_mentee = rng.random() < MENTEES_PER_MENTOR / (1 + MENTEES_PER_MENTOR)
    first_language = _weighted(rng, MENTEES_LANGUAGES) if is_mentee else _mentors_language(rng)
    locale = _locale(rng, first_language) if is_mentee else "da"
    languages = _languages(rng, first_language, is_mentee=is_mentee)
    occupation = _one(rng, OCCUPATIONS)
    given, family = NAMES[first_language]
    return {
        "role": "mentee" if is_mentee else "mentor",
        "name": f"{_one(rng, given)} {_one(rng, family)}",
        "email": f"person{number}@example.org",
        # Danish numbers do not begin with 0, so this is nobody's.
        "phone": f"+450{number % 10_000_000:07d}",
        "municipality": _TABLES.places[_city(rng)].name,
        "languages": ";".join(languages),
        "profession": _TABLES.occupations.names[occupation],
        "isco": occupation,
        "education": _one(rng, "1233344555666666677778"),
        "wants_or_offers": ";".join(_some(rng, tuple(KindOfHelp), 1, 4)),
        "interests": ";".join(_some(rng, INTERESTS, 1, 5)),
        "common_topics": ";".join(_some(rng, TOPICS, 0, 2)),
        "availability": ";".join(_some(rng, tuple(TimeOfWeek), 2, 6)),
        "online_ok": "yes" if rng.random() < 0.65 else "no",
        "seats": "" if is_mentee else _one(rng, "1111111122234"),
        "not_with": "",
        "locale": locale,
        "charter": CHARTER,
        **_own_words(rng, locale, first_language, is_mentee=is_mentee),
    }


def _own_words(rng: Random, locale: str, first_language: str, *, is_mentee: bool) -> Record:
    stories = STORIES.get(first_language, STORIES[locale]) if is_mentee else MENTOR_STORIES
    story = _one(rng, stories).format(years=3 + int(rng.random() * 18))
    if rng.random() < 0.06:
        story = f"{story}\n{_one(rng, POSTSCRIPTS)}"
    return {
        "story": story,
        "goals": _one(rng, GOALS[locale] if is_mentee else MENTOR_GOALS),
        "request": _one(rng, REQUESTS[locale] if is_mentee else MENTOR_REQUESTS),
    }


def _mentors_language(rng: Random) -> str:
    """Most mentors have grown up here; the others came earlier."""
    return "da" if rng.random() < 0.8 else _weighted(rng, MENTEES_LANGUAGES)


def _locale(rng: Random, first_language: str) -> str:
    if first_language in {"ar", "uk", "en"}:
        return first_language
    return "da" if rng.random() < 0.7 else "en"


def _languages(rng: Random, first_language: str, *, is_mentee: bool) -> Sequence[str]:
    if is_mentee:
        more = ["da", "en"] if rng.random() < 0.35 else ["da"]
        return _unique(first_language, *more)
    more = ["en"] if rng.random() < 0.8 else []
    if rng.random() < 0.25:
        more.append(_one(rng, MENTORS_OTHER_LANGUAGES))
    return _unique("da", *([first_language] if rng.random() < 0.6 else []), *more)


def _city(rng: Random) -> str:
    """By Zipf's law: the second city has half as many people as the first, and so on."""
    return _weighted(rng, {code: 1 / (rank + 1) for rank, code in enumerate(_CITIES)})


def _untidy(person: Record, rng: Random) -> Record:
    """The same person as somebody in a hurry writes her down."""
    return person | {
        "name": f"  {person['name']} " if rng.random() < 0.04 else person["name"],
        "municipality": _spelled_city(person["municipality"], rng),
        "languages": _one(rng, (";", "; ", ",", ", ")).join(
            _one(rng, (code, *LANGUAGE_NAMES[code])) for code in person["languages"].split(";")
        ),
        "isco": "" if rng.random() < 0.2 else person["isco"],
        "online_ok": _one(
            rng, ("yes", "ja", "true", "x") if person["online_ok"] == "yes" else ("no", "nej", "")
        ),
    }


def _spelled_city(name: str, rng: Random) -> str:
    code = _TABLES.municipalities.find(name)
    spelled = name.replace("Aa", "Å") if "Aa" in name else name.replace("ø", "oe")
    return _one(rng, (*[name] * 7, str(code), str(code), f"{name} Kommune", name.upper(), spelled))


def _one(rng: Random, choices: Sequence[T]) -> T:
    """Made of `random()` alone, the only method whose numbers Python promises never to change."""
    return choices[int(rng.random() * len(choices))]


def _some(rng: Random, choices: Sequence[T], least: int, most: int) -> list[T]:
    left = list(choices)
    number = least + int(rng.random() * (most - least + 1))
    return [left.pop(int(rng.random() * len(left))) for _ in range(number)]


def _weighted(rng: Random, weights: dict[str, float]) -> str:
    mark = rng.random() * sum(weights.values())
    for choice, weight in weights.items():
        mark -= weight
        if mark < 0:
            return choice
    return next(reversed(weights))


def _unique(*values: str) -> Sequence[str]:
    return tuple(dict.fromkeys(values))


def main(
    out: Annotated[Path, typer.Option(help="The CSV file to write.")],
    count: Annotated[int, typer.Option(min=1, help="How many records.")] = 800,
    seed: Annotated[int, typer.Option(help="The same seed gives the same people.")] = 1,
    *,
    tidy: Annotated[bool, typer.Option("--tidy", help="Nothing misspelled or wrong.")] = False,
) -> None:
    """Writes a spreadsheet of invented people."""
    write(out, count, seed, untidy=not tidy)
    print(f"{count:,} records are in {out}.")


if __name__ == "__main__":
    typer.run(main)
