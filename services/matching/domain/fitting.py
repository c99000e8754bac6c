"""Whether proposals that wait for answers still hold, now that the people may have changed. Pure."""

from collections.abc import Mapping, Sequence

from services.matching.domain.constraints import why_no_longer
from services.matching.domain.match import UNANSWERED, Match
from services.matching.domain.people import KnownPerson
from shared.events.matches import MatchStatus, WithdrawReason
from shared.events.participants import ParticipantStatus

_GONE = frozenset({ParticipantStatus.WITHDRAWN, ParticipantStatus.ERASED})


def no_longer_hold(
    open_matches: Sequence[Match], people: Mapping[str, KnownPerson]
) -> dict[str, WithdrawReason]:
    """Unanswered proposals to be taken back, by match id, with why.

    `open_matches` are all open matches of each mentor who is among them: a mentor who now offers
    fewer seats keeps what was accepted, then what the mentee has accepted, then the best scores.
    """
    broken = {
        match.match_id: reason
        for match in open_matches
        if match.status in UNANSWERED and (reason := _what_broke(match, people)) is not None
    }
    by_mentor: dict[str, list[Match]] = {}
    for match in open_matches:
        if match.match_id not in broken:
            by_mentor.setdefault(match.mentor_id, []).append(match)
    for mentor_id, matches in by_mentor.items():
        known = people.get(mentor_id)
        if known is None or known.person is None:
            continue
        for match in sorted(matches, key=_staying)[known.person.seats :]:
            if match.status in UNANSWERED:
                broken[match.match_id] = WithdrawReason.NO_LONGER_FITS
    return broken


def _what_broke(match: Match, people: Mapping[str, KnownPerson]) -> WithdrawReason | None:
    known = [people.get(match.mentee_id), people.get(match.mentor_id)]
    mentee, mentor = known
    statuses = {one.status for one in known if one is not None}
    if statuses & _GONE:
        return WithdrawReason.SOMEONE_LEFT
    if ParticipantStatus.PAUSED in statuses:
        return WithdrawReason.SOMEONE_PAUSED
    if statuses - {ParticipantStatus.ACTIVE}:
        return WithdrawReason.NO_LONGER_FITS
    if mentee is None or mentor is None or mentee.person is None or mentor.person is None:
        return None
    if why_no_longer(mentee.person, mentor.person):
        return WithdrawReason.NO_LONGER_FITS
    return None


def _staying(match: Match) -> tuple[bool, bool, int, str]:
    return (
        match.status is not MatchStatus.ACCEPTED,
        match.status is not MatchStatus.MENTEE_ACCEPTED,
        -match.score,
        match.match_id,
    )
