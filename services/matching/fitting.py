"""Takes back unanswered proposals that no longer hold, whoever noticed: an event, a round, a takeover.

It looks at states, not at events. Somebody who changes is written before her proposals are looked
for, and a proposal is written before its people are looked at again: so of a change and a proposal
that pass each other, at least one sees the other.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from services.matching.domain.fitting import no_longer_hold
from services.matching.domain.life import withdraw
from services.matching.domain.match import Match
from services.matching.outcomes import settled
from services.matching.store import Store
from shared.decisions import Decision, Refusal
from shared.events.matches import WithdrawReason
from shared.storage.changes import Cause, Change, Decide


class Fitting:
    """Checks the hard constraints of proposals that wait for answers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def check_people(self, causes: Mapping[str, Cause], now: datetime) -> int:
        """Checks the proposals of these people, each with what made us look. Returns how many fell."""
        return await self._check(await self._store.open_with_anyone_of(causes), causes, now)

    async def check_programme(self, programme: str, now: datetime) -> int:
        """Checks every unanswered proposal of a programme. Returns how many were taken back."""
        return await self._check(await self._store.unanswered_of_programme(programme), {}, now)

    async def _check(
        self, matches: Sequence[Match], causes: Mapping[str, Cause], now: datetime
    ) -> int:
        if not matches:
            return 0
        mentors = {match.mentor_id for match in matches}
        mentees = {match.mentee_id for match in matches}
        # A mentor's seats can only be counted with all her open matches, accepted ones too.
        whole = await self._store.open_with_anyone_of(mentors)
        everybody = {*mentors, *mentees, *(match.mentee_id for match in whole)}
        people = await self._store.people.load(everybody)
        broken = no_longer_hold(whole, people)
        by_id = {match.match_id: match for match in whole}
        changes = [
            Change(match_id, _withdrawing(reason), _cause(by_id[match_id], causes, now))
            for match_id, reason in sorted(broken.items())
        ]
        settled(await self._store.matches.change(changes))
        return len(changes)


def _withdrawing(reason: WithdrawReason) -> Decide[Match]:
    def decide(match: Match | None) -> Decision[Match] | Refusal | None:
        return None if match is None else withdraw(match, reason)

    return decide


def _cause(match: Match, causes: Mapping[str, Cause], now: datetime) -> Cause:
    """The event that changed one of the two; else the match's own journey goes on."""
    for person in (match.mentee_id, match.mentor_id):
        if person in causes:
            return causes[person]
    return Cause(now, match.match_id)
