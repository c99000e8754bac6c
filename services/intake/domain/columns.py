"""The columns of a spreadsheet of people, by every name that they go by in English and Danish."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from services.intake.domain.tables import fold

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "role": ("rolle",),
    "name": ("navn", "full name", "fulde navn"),
    "email": ("e-mail", "mail", "email address", "e-mail address", "e-mailadresse", "mailadresse"),
    "phone": ("telefon", "telefonnummer", "tlf", "mobil", "mobile", "telephone", "phone number"),
    "municipality": ("kommune", "city", "by", "bopælskommune"),
    "languages": ("language", "sprog"),
    "profession": ("occupation", "fag", "erhverv", "stilling"),
    "isco": ("isco-08", "isco08", "isco code", "isco-08 code", "isco-kode", "fagkode"),
    "wished_profession": ("ønsket fag", "ønsket erhverv", "wished occupation"),
    "education": ("education level", "isced", "uddannelse", "uddannelsesniveau"),
    "education_field": ("field of education", "uddannelsesretning", "uddannelsesområde"),
    "wants_or_offers": (
        "kinds of help",
        "help",
        "wants",
        "offers",
        "hjælp",
        "ønsker eller tilbyder",
        "ønsker/tilbyder",
    ),
    "interests": ("interesser",),
    "common_topics": ("topics", "life topics", "emner", "fælles emner", "livsemner"),
    "availability": ("times", "tider", "tidspunkter", "hvornår"),
    "online_ok": ("online", "meets online", "mødes online", "må mødes online"),
    "seats": ("places", "pladser", "antal mentees"),
    "not_with": ("ikke med", "ikke sammen med"),
    "locale": ("language of messages", "beskedsprog", "sprog i beskeder"),
    "charter": ("charter version", "charterversion"),
    "goals": ("mål",),
    "request": ("wish", "ønske", "anmodning"),
    "story": ("own words", "fortælling", "historie", "egne ord"),
    "shows": ("shown", "vises", "vis i forslag"),
}
"""Our name of a column, and what else it is called. Case, hyphens and underscores do not matter."""

_OURS: Final = {
    fold(called): ours for ours, others in COLUMNS.items() for called in (ours, *others)
}


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one field of a record, in a plain sentence that ends with the next step.

    field: the column as the spreadsheet calls it; empty for the record as a whole.
    value: what stands there, or the part of it that is meant. The reason never repeats it, so
    that reasons may be logged.
    """

    field: str
    value: str
    reason: str


def unknown_columns(columns: Iterable[str]) -> tuple[FieldProblem, ...]:
    """A notice for each column that is not read: unknown, or a second one of the same meaning.

    To be told once a file, with the names in its header.
    """
    notices: list[FieldProblem] = []
    first: dict[str, str] = {}
    for column in columns:
        ours = _OURS.get(fold(column))
        if ours is None:
            reason = "This column is not known and is not read. Rename it if it should be."
            notices.append(FieldProblem(column, "", reason))
        elif ours in first:
            reason = f"This column means the same as {first[ours]!r}, which is read. Delete one."
            notices.append(FieldProblem(column, "", reason))
        else:
            first[ours] = column
    return tuple(notices)


@lru_cache(maxsize=256)
def called(columns: tuple[str, ...]) -> Mapping[str, str]:
    """What a spreadsheet with these columns calls each of ours; the first wins."""
    names: dict[str, str] = {}
    for column in columns:
        ours = _OURS.get(fold(column))
        if ours is not None:
            names.setdefault(ours, column)
    return names
