"""Codes as words. A code without a word is left out: better to say less than something wrong."""

from collections.abc import Iterable, Mapping
from typing import Final

from services.notifications.letters.say import Say
from shared.web.words import N_

_BUSINESS: Final = N_("business and administration")
_CULTURE: Final = N_("law, social work and culture")
_ENGINEERING: Final = N_("science and engineering")
_FARMING: Final = N_("farming and gardening")
_HEALTH: Final = N_("health care")
_IT: Final = N_("information technology")
_MANAGEMENT: Final = N_("management")
_OFFICE: Final = N_("office work")

FIELDS: Final = {
    "11": _MANAGEMENT,
    "12": _MANAGEMENT,
    "13": _MANAGEMENT,
    "14": _MANAGEMENT,
    "21": _ENGINEERING,
    "22": _HEALTH,
    "23": N_("teaching"),
    "24": _BUSINESS,
    "25": _IT,
    "26": _CULTURE,
    "31": _ENGINEERING,
    "32": _HEALTH,
    "33": _BUSINESS,
    "34": _CULTURE,
    "35": _IT,
    "41": _OFFICE,
    "42": N_("customer service"),
    "43": _OFFICE,
    "44": _OFFICE,
    "51": N_("personal services"),
    "52": N_("sales"),
    "53": N_("care work"),
    "61": _FARMING,
    "71": N_("building trades"),
    "72": N_("metal and machinery"),
    "74": N_("electrical trades"),
    "83": N_("driving"),
    "91": N_("cleaning"),
}
"""Sub-major groups of ISCO-08 (International Labour Organization, 2012), in everyday words."""


def words_of(say: Say, codes: Iterable[str], table: Mapping[str, str]) -> list[str]:
    """The words of those codes that the table has, in their order."""
    found = (table.get(_plain(code)) or table.get(code) for code in codes)
    return [say.word(text) for text in found if text is not None]


def languages_of(say: Say, codes: Iterable[str]) -> list[str]:
    """The names of languages, from Babel's tables (Unicode CLDR)."""
    return [name for code in codes if (name := say.language(code)) is not None]


def field_of(say: Say, codes: Iterable[str]) -> str | None:
    """The professional field of the first ISCO-08 code that is fine enough to name one."""
    found = words_of(say, (code[:2] for code in codes if code.isdigit()), FIELDS)
    return found[0] if found else None


def _plain(code: str) -> str:
    return code.casefold().replace("_", " ").replace("-", " ")
