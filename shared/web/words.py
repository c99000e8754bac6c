"""Codes in plain words, as msgids of `shared/web/catalogues`. Pages and letters translate them.

A code of a profile without a word is her own word (an interest that no list has): pages show it as it is,
letters leave it out.
"""

from typing import Final

from shared.events.pool import WaitingReason, WhatHelps


def N_(text: str) -> str:  # noqa: N802  (gettext's own name for 'translated elsewhere')
    """Marks a text that is translated where it is shown."""
    return text


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

EDUCATION_LEVELS: Final = {
    "0": N_("no school yet"),
    "1": N_("primary school"),
    "2": N_("lower secondary school"),
    "3": N_("upper secondary school or a trade"),
    "4": N_("a course after secondary school"),
    "5": N_("a short higher education"),
    "6": N_("a bachelor's degree"),
    "7": N_("a master's degree"),
    "8": N_("a doctorate"),
}

EDUCATION_FIELDS: Final = {
    "00": N_("general programmes"),
    "01": N_("teaching"),
    "02": N_("arts and humanities"),
    "03": N_("social sciences and journalism"),
    "04": N_("business, administration and law"),
    "05": N_("natural sciences and mathematics"),
    "06": N_("information technology"),
    "07": N_("engineering and construction"),
    "08": N_("farming, forestry and fishing"),
    "09": N_("health and welfare"),
    "10": N_("services"),
}

WHY_WAITING: Final = {
    WaitingReason.NO_ONE_SHARES_A_LANGUAGE: N_(
        "Just now nobody who is free has chosen the same languages as you."
    ),
    WaitingReason.NO_ONE_IN_REACH: N_("Just now there is nobody near you whom you could meet."),
    WaitingReason.NO_COMMON_TIME: N_(
        "Those who would suit you can meet at other times than you just now."
    ),
    WaitingReason.KEPT_APART_OR_BEFORE: N_(
        "Just now there is nobody new near you who suits what you told us."
    ),
    WaitingReason.ALL_SEATS_TAKEN: N_(
        "The mentors who would suit you are all accompanying somebody just now."
    ),
    WaitingReason.OTHERS_WAITED_LONGER: N_(
        "This time we matched people who had waited even longer than you."
    ),
    WaitingReason.NO_MENTEE_YET: N_("Nobody has yet asked for just what you offer."),
    WaitingReason.NEXT_ROUND: N_("You came after our last round, so you are part of the next one."),
}

WHAT_HELPS: Final = {
    WhatHelps.MEET_ONLINE: N_("To say yes to meeting online: then many more people are in reach."),
    WhatHelps.MORE_TIMES: N_("To add times at which you can meet."),
    WhatHelps.MORE_LANGUAGES: N_("To add another language that you would like to use."),
    WhatHelps.RECRUITING: N_(
        "We are looking for more people near you. If you know somebody, do tell her about us."
    ),
    WhatHelps.PATIENCE: N_("You need not do anything: we look again in every round."),
}
