"""One person as she registers: what she filled in, read and made uniform, but not yet a participant.

Her own words (`goals`, `request`, `story`) stay byte for byte as she gave them.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.events.participants import KindOfHelp, Role, TimeOfWeek

LOCALES: Final = ("en", "da", "ar", "uk")
"""The languages that messages are written in."""


class Shown(StrEnum):
    """Which of her own words a proposal shows to the other one. She chooses; at first none."""

    STORY = "story"
    GOALS = "goals"
    REQUEST = "request"


@dataclass(frozen=True, slots=True)
class Registration:
    """What somebody registers with. Tuples keep her order and repeat nothing.

    email: lower-case, its domain in ASCII; so are the addresses in `not_with`.
    phone: E.164 (`+4512345678`), or None.
    locale: one of `LOCALES`.
    city: municipality code, three digits.
    languages: ISO 639-1 codes where there is one, else 639-3; the most comfortable first.
    profession, wished_profession: ISCO-08 unit group, four digits.
    education_level: ISCED 2011, 0 to 8. education_field: ISCED-F 2013 broad field, two digits.
    kinds_of_help: asked for (mentee) or offered (mentor).
    interests, topics: lower-case, single spaces.
    seats: 1 to 5 for a mentor, 0 for a mentee.
    """

    role: Role
    name: str
    email: str
    phone: str | None
    locale: str
    city: str
    languages: tuple[str, ...]
    profession: str | None
    wished_profession: str | None
    education_level: int | None
    education_field: str | None
    kinds_of_help: tuple[KindOfHelp, ...]
    interests: tuple[str, ...]
    topics: tuple[str, ...]
    availability: tuple[TimeOfWeek, ...]
    meets_online: bool
    seats: int
    not_with: tuple[str, ...]
    charter_version: str
    goals: str
    request: str
    story: str
    shows: tuple[Shown, ...] = ()
