"""Codes as words. A code without a word is left out: better to say less than something wrong."""

from collections.abc import Iterable, Mapping
from typing import Final

from services.notifications.letters.say import N_, Say

KINDS_OF_HELP: Final = {
    "job_search": N_("looking for a job"),
    "professional_network": N_("a professional network"),
    "danish_language": N_("the Danish language"),
    "workplace_culture": N_("how a Danish workplace works"),
    "everyday_society": N_("everyday life in Denmark"),
    "education_path": N_("choosing an education"),
    "start_a_business": N_("starting a business"),
    "confidence": N_("believing in oneself"),
}

TIMES: Final = {
    "weekday-morning": N_("weekday mornings"),
    "weekday-afternoon": N_("weekday afternoons"),
    "mon-evening": N_("Monday evenings"),
    "tue-evening": N_("Tuesday evenings"),
    "wed-evening": N_("Wednesday evenings"),
    "thu-evening": N_("Thursday evenings"),
    "fri-afternoon": N_("Friday afternoons"),
    "sat-morning": N_("Saturday mornings"),
    "sat-afternoon": N_("Saturday afternoons"),
    "sun-afternoon": N_("Sunday afternoons"),
}

INTERESTS: Final = {
    "baking": N_("baking"),
    "birdwatching": N_("birdwatching"),
    "board games": N_("board games"),
    "chess": N_("chess"),
    "choir singing": N_("singing in a choir"),
    "cinema": N_("cinema"),
    "cooking": N_("cooking"),
    "crafts": N_("crafts"),
    "cycling": N_("cycling"),
    "dancing": N_("dancing"),
    "football": N_("football"),
    "gardening": N_("gardening"),
    "handball": N_("handball"),
    "hiking": N_("hiking"),
    "history": N_("history"),
    "knitting": N_("knitting"),
    "languages": N_("languages"),
    "music": N_("music"),
    "painting": N_("painting"),
    "photography": N_("photography"),
    "poetry": N_("poetry"),
    "politics and society": N_("politics and society"),
    "reading novels": N_("reading novels"),
    "running": N_("running"),
    "sewing": N_("sewing"),
    "swimming": N_("swimming"),
    "theatre": N_("theatre"),
    "travel": N_("travel"),
    "volunteering": N_("volunteering"),
    "yoga": N_("yoga"),
}

TOPICS: Final = {
    "caring for a relative": N_("caring for a relative"),
    "grandparenting": N_("being a grandmother"),
    "parenting": N_("being a mother"),
    "returning to work": N_("returning to work"),
    "shift work": N_("shift work"),
    "single parenting": N_("bringing up children alone"),
    "studying as an adult": N_("studying as an adult"),
    "teenagers at home": N_("teenagers at home"),
}

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
