"""The stream `pool`: who still waits and why, and where mentors are missing."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from shared.events.participants import Role
from shared.events.payload import Payload
from shared.events.streams import POOL


class WaitingReason(StrEnum):
    """The first thing that stands between somebody and a match, honestly said."""

    NO_ONE_SHARES_A_LANGUAGE = "no_one_shares_a_language"
    NO_ONE_IN_REACH = "no_one_in_reach"
    NO_COMMON_TIME = "no_common_time"
    KEPT_APART_OR_BEFORE = "kept_apart_or_before"
    ALL_SEATS_TAKEN = "all_seats_taken"
    OTHERS_WAITED_LONGER = "others_waited_longer"
    NO_MENTEE_YET = "no_mentee_yet"
    NEXT_ROUND = "next_round"


class WhatHelps(StrEnum):
    """What would shorten the wait."""

    MEET_ONLINE = "meet_online"
    MORE_TIMES = "more_times"
    MORE_LANGUAGES = "more_languages"
    RECRUITING = "recruiting"
    PATIENCE = "patience"


class StillWaiting(Payload, name="participant.still_waiting"):
    """Somebody waits for a match, and is told why and what would help."""

    stream = POOL

    participant_id: str
    role: Role
    waiting_since: datetime
    reason: WaitingReason
    what_helps: tuple[WhatHelps, ...] = ()
    mentors_in_reach: Annotated[int, Field(ge=0)] = Field(
        default=0, description="Mentors who fit her, free or not."
    )

    @property
    def subject(self) -> str:
        """The participant."""
        return self.participant_id


class RecruitmentGap(Payload, name="recruitment.gap"):
    """What one more mentor in a city would change, by profession."""

    stream = POOL

    waiting: Annotated[int, Field(ge=0)]
    profession: str | None = Field(
        default=None, description="ISCO-08 unit group that would place the most, if any."
    )
    would_place: Annotated[int, Field(ge=0)] = 0

    @property
    def subject(self) -> str:
        """The city within its programme."""
        return f"{self.programme}.{self.city}"
