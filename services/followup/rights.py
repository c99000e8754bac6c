"""What followup holds about one person: given to her, or forgotten."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from services.followup.domain import closing
from services.followup.domain.known import forget_participant
from services.followup.domain.mentorship import CheckIn, Mentorship
from services.followup.store import Store
from shared.events.participants import Role
from shared.storage.changes import Cause, Change, Decide


class FollowupData:
    """Answers for `mentorships` and `known/participants`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def gather(self, participant_id: str) -> Mapping[str, Sequence[Any]]:
        """Her mentorships with her own answers and words. The other side's are the other's."""
        found = await self._store.of_people([participant_id])
        return {"mentorships": [_shown(each, participant_id) for each in found]}

    async def forget(self, participant_id: str, cause: Cause) -> int:
        """Whatever runs with her ends, and all words in her mentorships are erased.

        First she is marked: a match that is accepted at this moment finds that she has left.
        """
        await self._store.participants.change_one(Change(participant_id, forget_participant, cause))
        mentorships = await self._store.of_people([participant_id])
        ids = [each.match_id for each in mentorships]
        for match_id in ids:
            await self._store.mentorships.change_one(
                Change(match_id, _leaving(participant_id, cause), cause)
            )
        traces = await self._store.participants.drop_traces([participant_id])
        return 1 + len(ids) + traces + await self._store.mentorships.drop_traces(ids)


def _leaving(participant_id: str, cause: Cause) -> Decide[Mentorship]:
    return lambda state: closing.somebody_left(state, participant_id, cause.time, erased=True)


def _shown(mentorship: Mentorship, participant_id: str) -> dict[str, Any]:
    side = mentorship.side_of(participant_id) or Role.MENTEE
    survey = mentorship.survey(side)
    return {
        "match_id": mentorship.match_id,
        "you_are": side,
        "started_at": mentorship.started_at,
        "planned_end": mentorship.planned_end,
        "closed": None if mentorship.closure is None else mentorship.closure.closed_at,
        "closed_because": None if mentorship.closure is None else mentorship.closure.reason,
        "check_ins": [_check_in(each, side) for each in mentorship.check_ins],
        "requests_for_help": [
            {"asked_at": each.asked_at, "text": each.text, "handled_at": each.handled_at}
            for each in mentorship.help_requests
            if each.asked_by is side
        ],
        "agreement": None if mentorship.agreement is None else asdict(mentorship.agreement.terms),
        "survey": None if survey is None else asdict(survey),
    }


def _check_in(check_in: CheckIn, side: Role) -> dict[str, Any]:
    view = check_in.view(side)
    said = view.answer
    return {
        "number": check_in.number,
        "due_at": check_in.due_at,
        "status": check_in.status,
        "asked_at": view.asked_at,
        "answered_at": view.answered_at,
        "going": None if said is None else said.going,
        "next_step": None if said is None else said.next_step,
        "meeting_again": None if said is None else said.meeting_again,
    }
