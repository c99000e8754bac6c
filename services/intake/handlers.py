"""Events in: which stream goes to which use case."""

from services.intake.following import Following
from services.intake.recalling import Recalling
from services.intake.rights import DataRights
from shared.events.streams import (
    CARE,
    CHECK_INS,
    CONTACTS,
    MATCHES,
    MESSAGES,
    PARTICIPANTS,
    POOL,
    RIGHTS,
)
from shared.runtime import Runtime


def subscribe(
    runtime: Runtime, following: Following, rights: DataRights, recalling: Recalling
) -> None:
    """Subscribes intake to the streams that it follows; after a restore also to its own."""
    runtime.on(MATCHES)(following.matches)
    runtime.on(POOL)(following.pool)
    runtime.on(CHECK_INS)(following.check_ins)
    runtime.on(CARE)(following.care)
    runtime.on(MESSAGES)(following.messages)
    runtime.on(RIGHTS)(runtime.answer_for(rights, also=rights.hear_answers))
    runtime.recall(PARTICIPANTS, CONTACTS)(recalling.recall_people)
    runtime.recall(RIGHTS)(recalling.recall_requests)
