"""What a mentorship needs of its coordinator, the most urgent first. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import StrEnum

from services.intake.domain.journeys import KnownMatch, Wanted
from shared.events.check_ins import CheckInStatus


class Need(StrEnum):
    """What a coordinator is needed for, in the order in which she sees to it."""

    HELP_LATE = "help_late"
    HELP = "help"
    ESCALATED = "escalated"
    DRIFTING_APART = "drifting_apart"
    OVERDUE = "overdue"
    WELL = "well"

    @property
    def is_urgent(self) -> bool:
        """Whether somebody waits for her."""
        return self is not Need.WELL


_ORDER = {need: place for place, need in enumerate(Need)}


def need_of(match: KnownMatch) -> Need:
    """The most urgent thing about a mentorship.

    Answers drift apart as long as no later check-in was answered by both.
    """
    help_wanted = [each for each in match.requests if each.wanted is Wanted.HELP]
    if any(each.to_deputy for each in help_wanted):
        return Need.HELP_LATE
    if help_wanted:
        return Need.HELP
    newest = match.newest_check_in
    if newest is not None and match.is_running:
        if newest.status is CheckInStatus.ESCALATED:
            return Need.ESCALATED
        if match.diverged and max(match.diverged) >= _last_answered(match):
            return Need.DRIFTING_APART
        if newest.status is CheckInStatus.OVERDUE:
            return Need.OVERDUE
    return Need.WELL


def by_need(matches: Iterable[KnownMatch]) -> list[KnownMatch]:
    """The most urgent first; of equals the one that runs longest."""
    return sorted(
        matches,
        key=lambda match: (_ORDER[need_of(match)], _since(match), match.match_id),
    )


def by_waiting(matches: Iterable[KnownMatch]) -> list[KnownMatch]:
    """Proposals, those held for review first, then the one that waits longest."""
    return sorted(
        matches,
        key=lambda match: (match.held_at is None or match.proposed_at is not None, _since(match)),
    )


def _last_answered(match: KnownMatch) -> int:
    done = (each.number for each in match.check_ins if each.status is CheckInStatus.COMPLETED)
    return max(done, default=0)


def _since(match: KnownMatch) -> datetime:
    instants = (match.accepted_at, match.proposed_at, match.held_at)
    return next((at for at in instants if at is not None), _LONG_AHEAD)


_LONG_AHEAD = datetime(9999, 1, 1, tzinfo=UTC)
