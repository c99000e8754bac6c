"""What matching holds about one person: given to her, or forgotten."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from services.matching.domain.match import Match
from services.matching.service import Matching
from services.matching.store import Store
from shared.storage.changes import Cause


class MatchingData:
    """Answers for `known/participants` and `matches`. Rounds and audits hold ids only."""

    def __init__(self, store: Store, matching: Matching) -> None:
        self._store = store
        self._matching = matching

    async def gather(self, participant_id: str) -> Mapping[str, Sequence[Any]]:
        """What rounds see of her, and her matches. Who the other was is the other's."""
        known = await self._store.people.get(participant_id)
        match_ids = await self._store.ever_with_anyone_of([participant_id])
        matches = await self._store.matches.load(match_ids)
        return {
            "known": [asdict(known)] if known is not None else [],
            "matches": [_shown(match, participant_id) for match in matches.values()],
        }

    async def forget(self, participant_id: str, cause: Cause) -> int:
        """Her profile goes, and what her matches say of the two; open proposals are taken back."""
        match_ids = await self._store.ever_with_anyone_of([participant_id])
        known = await self._matching.forget_person(participant_id, cause)
        traces = await self._store.people.drop_traces([participant_id])
        traces += await self._store.matches.drop_traces(match_ids)
        return known + len(match_ids) + traces


def _shown(match: Match, participant_id: str) -> dict[str, Any]:
    side = match.side_of(participant_id)
    return {
        "match_id": match.match_id,
        "you_are": side,
        "status": match.status,
        "city": match.city,
        "score": match.score,
        "reasons": [reason.model_dump(mode="json") for reason in match.reasons],
        "languages": match.languages,
        "times": match.times,
        "online": match.online,
        "proposed_at": match.proposed_at,
        "accepted_at": match.accepted_at,
        "you_said_yes": match.said(side) if side is not None else None,
        "your_questions": [
            {"asked_at": question.asked_at, "text": question.text}
            for question in match.questions
            if question.asked_by is side
        ],
    }
