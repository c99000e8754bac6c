"""Events in: which stream goes to which use case."""

from services.followup.rights import FollowupData
from services.followup.service import Followup
from shared.events.streams import (
    CARE,
    CHECK_INS,
    MATCHES,
    MESSAGES,
    PARTICIPANTS,
    PROGRAMMES,
    RIGHTS,
)
from shared.runtime import Runtime


def subscribe(runtime: Runtime, followup: Followup, data: FollowupData) -> None:
    """Subscribes followup to the streams that it consumes; after a restore also to its own."""
    runtime.on(PROGRAMMES)(followup.follow_programmes)
    runtime.on(PARTICIPANTS)(followup.follow_participants)
    runtime.on(MATCHES)(followup.follow_matches)
    runtime.on(MESSAGES)(followup.follow_messages)
    runtime.on(RIGHTS)(runtime.answer_for(data))
    runtime.recall(CARE, CHECK_INS)(followup.recall)
