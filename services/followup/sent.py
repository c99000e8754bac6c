"""What participants send through their links: read strictly, and opened with the link's signature."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from services.followup.domain.mentorship import Going
from shared.web.letterbox import SentByLink

_MOST_LETTERS: Final = 4_000

#: A person's own words: kept as they are, in any script.
Words = Annotated[str, StringConstraints(max_length=_MOST_LETTERS)]


class Sent(SentByLink):
    """What comes through a link. `match_id` only where the link itself names none."""

    match_id: str | None = None


class SentAnswer(Sent):
    """An answer to the check-in that the link names."""

    going: Going
    next_step: Words = ""
    meeting_again: bool | None = None


class SentHelp(Sent):
    """'I need help', with or without words."""

    text: Words = ""


class WhyClose(StrEnum):
    """Why one side ends it. Nobody has to say more."""

    GOALS_REACHED = "goals_reached"
    OWN_WISH = "own_wish"


class SentClosing(Sent):
    """One side's wish to end it."""

    reason: WhyClose = WhyClose.OWN_WISH
    match_again: bool = True


class SentSurvey(Sent):
    """How it was, from 1 to 5."""

    good_match: Annotated[int, Field(ge=1, le=5)]
    closer_to_goals: Annotated[int, Field(ge=1, le=5)]
    would_do_again: bool
    text: Words = ""


class SentExtension(Sent):
    """The mentee's wish to go on for some months more."""

    months: Annotated[int, Field(ge=1, le=12)] = 3
