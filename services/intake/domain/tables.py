"""The tables that a registration is read with: municipalities, languages, occupations and the rest.

Each is a `Vocabulary`: every spelling that people use, and the one code it means. The data and its
sources are in `services/intake/data/`.
"""

import csv
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from rapidfuzz import fuzz, process

DATA: Final = Path(__file__).parent.parent / "data"

NEAREST_FROM: Final = 70.0
"""From this similarity (0 to 100) on, a known value is worth suggesting."""

SAME_FROM: Final = 86.0
"""From this similarity on, a title is taken for the known one: an inflection, or a slip or two."""

CLEAR_BY: Final = 6.0
"""So much less similar is the nearest title of any other group, or it is not clear which is meant.

With these three numbers, of 153 misspelt or inflected titles in two languages that the table does not
hold, 146 find their group and none another; 33 words that are no title, or of many groups, find none.
"""

LONG_ENOUGH: Final = 6
"""A letter more or less makes another word of a shorter one: Danish `chef` leads, `chefs` cook."""

CHOICES: Final = 3
CHOICES_FROM: Final = 60.0
"""How many titles are named to choose from, and from which similarity on."""

_WITHOUT_SIGNS: Final = str.maketrans(
    {"'": "", "’": "", "ʼ": "", ".": "", "\u200e": "", "\u200f": ""}
)
_TO_SPACES: Final = re.compile(r"[\s\-_/,–]+")
_AS_DANES_SPELL: Final = str.maketrans({"å": "aa", "æ": "ae", "ø": "oe", "ö": "oe", "ä": "ae"})
_AS_OTHERS_SPELL: Final = str.maketrans({"å": "a", "æ": "ae", "ø": "o", "ö": "o", "ä": "a"})


def fold(text: str) -> str:
    """The text without what spellings differ in: case, signs, spaces, Danish letters."""
    return _bare(text).translate(_AS_DANES_SPELL)


def _bare(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_WITHOUT_SIGNS)
    return _TO_SPACES.sub(" ", plain).strip()


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The known values of one field. `names` gives a code's name, in the table's order."""

    names: Mapping[str, str]
    code_of_spelling: Mapping[str, str]

    def find(self, text: str) -> str | None:
        """The code that a text means, whatever its spelling; None when it is not known."""
        return self.code_of_spelling.get(fold(text))

    def find_alike(self, text: str) -> str | None:
        """As `find`, but forgives a slip or an inflection where it is clear what is meant."""
        known = self.find(text)
        if known is not None or len(fold(text)) < LONG_ENOUGH:
            return known
        best = self._alike(text, SAME_FROM - CLEAR_BY)[:2]
        if not best or best[0][1] < SAME_FROM:
            return None
        is_clear = len(best) == 1 or best[0][1] - best[1][1] >= CLEAR_BY
        return best[0][0] if is_clear else None

    def nearest(self, text: str) -> str | None:
        """The name and code of the known value that is spelled most like the text, if any is."""
        return next(iter(self._named(text, NEAREST_FROM)), None)

    def choices(self, text: str) -> tuple[str, ...]:
        """The names and codes of the known values that are spelled most like the text."""
        return self._named(text, CHOICES_FROM)[:CHOICES]

    def codes_alike(self, text: str) -> tuple[str, ...]:
        """The codes of the same."""
        return tuple(code for code, _ in self._alike(text, CHOICES_FROM)[:CHOICES])

    def _named(self, text: str, cutoff: float) -> tuple[str, ...]:
        return tuple(f"{self.names[code]} ({code})" for code, _ in self._alike(text, cutoff))

    def _alike(self, text: str, cutoff: float) -> list[tuple[str, float]]:
        """Codes with the similarity (0 to 100) of their nearest spelling, the most alike first."""
        spelling = fold(text)
        # A limit, since comparing takes time by length: no name is anywhere near as long.
        if not spelling or len(spelling) > 200:
            return []
        found: dict[str, float] = {}
        for alike, score, _ in process.extract(
            spelling,
            self.code_of_spelling.keys(),
            scorer=fuzz.ratio,
            score_cutoff=cutoff,
            limit=None,
        ):
            found.setdefault(self.code_of_spelling[alike], score)
        return list(found.items())


@dataclass(frozen=True, slots=True)
class Municipality:
    """A Danish municipality: its three-digit code, its name and its region."""

    code: str
    name: str
    region: str


@dataclass(frozen=True, slots=True)
class Tables:
    """Everything that a registration is read with.

    occupations: ISCO-08 unit groups. occupation_titles: English titles of all its levels by code.
    """

    municipalities: Vocabulary
    places: Mapping[str, Municipality]
    languages: Vocabulary
    occupations: Vocabulary
    occupation_titles: Mapping[str, str]
    education_levels: Vocabulary
    education_fields: Vocabulary
    kinds_of_help: Vocabulary
    times_of_week: Vocabulary


@cache
def load_tables() -> Tables:
    """All tables, read once in a process."""
    places = read_rows("municipalities.csv")
    occupations = read_rows("isco08.csv")
    return Tables(
        municipalities=_vocabulary(
            (row["code"], row["name"], _spellings_of_a_municipality(row)) for row in places
        ),
        places={
            row["code"]: Municipality(row["code"], row["name"], row["region"]) for row in places
        },
        languages=_vocabulary(
            (
                row["code"],
                row["name_en"],
                [row["iso639_3"], row["name_en"], row["name_da"], row["name_own"], *_also(row)],
            )
            for row in read_rows("languages.csv")
        ),
        occupations=_named(row for row in occupations if len(row["code"]) == 4),
        occupation_titles={row["code"]: row["name_en"] for row in occupations},
        education_levels=_named(read_rows("education_levels.csv")),
        education_fields=_named(read_rows("education_fields.csv")),
        kinds_of_help=_named(read_rows("kinds_of_help.csv")),
        times_of_week=_named(read_rows("times_of_week.csv")),
    )


def read_rows(filename: str) -> list[dict[str, str]]:
    """The rows of a table in `services/intake/data/`."""
    with (DATA / filename).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _also(row: Mapping[str, str]) -> list[str]:
    return [spelling.strip() for spelling in row["also"].split(";")]


def _named(rows: Iterable[Mapping[str, str]]) -> Vocabulary:
    return _vocabulary(
        (row["code"], row["name_en"], [row["name_en"], row["name_da"], *_also(row)]) for row in rows
    )


def _spellings_of_a_municipality(row: Mapping[str, str]) -> list[str]:
    """With a leading zero, as registers write the code, and with the word for municipality."""
    names = [row["name"], *_also(row)]
    ends = ("", "s", " kommune", "s kommune", " municipality", "s regionskommune")
    return [f"0{row['code']}", *(f"{name}{end}" for end in ends for name in names if name)]


def _vocabulary(entries: Iterable[tuple[str, str, list[str]]]) -> Vocabulary:
    """From (code, name, spellings). A code beats a spelling; else the first in the table wins."""
    listed = list(entries)
    code_of = {fold(code): code for code, _, _ in listed}
    # Spellings of one kind come before those of the next: a name is never hidden by a nickname.
    for place in range(max(len(spellings) for _, _, spellings in listed)):
        for code, _, spellings in listed:
            if place < len(spellings) and spellings[place]:
                code_of.setdefault(fold(spellings[place]), code)
    for code, _, spellings in listed:
        for spelling in spellings:
            code_of.setdefault(_bare(spelling).translate(_AS_OTHERS_SPELL), code)
    code_of.pop("", None)
    return Vocabulary({code: name for code, name, _ in listed}, code_of)
