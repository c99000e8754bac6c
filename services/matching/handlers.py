"""Events in: which stream goes to which use case."""

from services.matching.recalling import Recalling
from services.matching.rights import MatchingData
from services.matching.service import Matching
from shared.events.streams import CHECK_INS, MATCHES, MESSAGES, PARTICIPANTS, PROGRAMMES, RIGHTS
from shared.runtime import Runtime


def subscribe(
    runtime: Runtime, matching: Matching, data: MatchingData, recalling: Recalling
) -> None:
    """Subscribes matching to the streams that it consumes; after a restore also to its own."""
    runtime.on(PROGRAMMES)(matching.follow_programmes)
    runtime.on(PARTICIPANTS)(matching.follow_participants)
    runtime.on(MESSAGES)(matching.follow_messages)
    runtime.on(CHECK_INS)(matching.follow_check_ins)
    runtime.on(RIGHTS)(runtime.answer_for(data))
    runtime.recall(MATCHES)(recalling.recall_matches)
