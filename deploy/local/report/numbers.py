"""What the pictures show, counted from the books: from registered to mentorship, waiting, check-ins."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Final

from deploy.local.books import CHECK_IN_KINDS, Books
from deploy.local.report.audits import RoundAudit, audits
from services.intake.domain.tables import Tables
from shared.events import check_ins, matches
from shared.events.care import HelpRequested
from shared.events.matches import Factor, MatchState, Reason
from shared.events.messages import MessageSent
from shared.events.participants import ParticipantRegistered, ParticipantState, Role
from shared.events.pool import StillWaiting
from shared.events.streams import ALL_STREAMS, CARE, CHECK_INS, PARTICIPANTS

SHOWN_PROPOSALS: Final = 6
_WEEK: Final = timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class Told:
    """A proposal in words, without anybody's name."""

    who: str
    score: int
    reasons: tuple[str, ...]
    became: str


@dataclass(frozen=True, slots=True)
class Numbers:
    """All that the report shows beside `report.json`.

    funnel: mentees, from registered to mentorship. mentors: the same for mentors.
    weeks_waited: how many mentees were placed in their first, second … week.
    check_ins_by_week: for each kind of event its count in each week.
    check_ins_now: how many check-ins stand where at the end.
    by_city: mentorships begun, by municipality code.
    """

    funnel: dict[str, int]
    mentors: dict[str, int]
    weeks_waited: list[int]
    median_days: float | None
    check_ins_by_week: dict[str, list[int]]
    check_ins_now: dict[str, int]
    by_city: Counter[str]
    waiting_reasons: Counter[str]
    help_requests: int
    messages: Counter[str]
    events: dict[str, int]
    proposals: list[Told]
    audits: list[RoundAudit]


def count(books: Books, tables: Tables, began: datetime, weeks: int) -> Numbers:
    """Counts everything. began: when the weeks begin, UTC."""
    days = sorted(_days_waited(books))
    return Numbers(
        funnel=_funnel(books),
        mentors=_mentors(books),
        weeks_waited=[sum(day // 7 == week for day in days) for week in range(weeks)],
        median_days=median(days) if days else None,
        check_ins_by_week={
            name: _by_week((event.time for event in books.topics.of_type(kind)), began, weeks)
            for name, kind in CHECK_IN_KINDS.items()
        },
        check_ins_now=_check_ins_now(books),
        by_city=Counter(
            event.payload.city or "" for event in books.topics.of_type(matches.MatchAccepted)
        ),
        waiting_reasons=_waiting_reasons(books),
        help_requests=sum(
            not event.payload.to_deputy for event in books.topics.of_type(HelpRequested)
        ),
        messages=Counter(event.payload.kind.value for event in books.topics.of_type(MessageSent)),
        events={stream.name: len(books.topics.of(stream)) for stream in ALL_STREAMS},
        proposals=_proposals(books, tables),
        audits=audits(books, tables),
    )


def _funnel(books: Books) -> dict[str, int]:
    topics = books.topics
    registered = topics.of_type(ParticipantRegistered)
    ever_active = {
        event.subject
        for event in topics.of(PARTICIPANTS)
        if isinstance(event.payload, ParticipantState)
        and event.payload.role is Role.MENTEE
        and event.payload.available_since is not None
    }
    return {
        "registered": sum(event.payload.role is Role.MENTEE for event in registered),
        "could be matched": len(ever_active),
        "got a proposal": _people(books, matches.MatchProposed, Role.MENTEE),
        "said yes": _people(books, matches.MatchMenteeAccepted, Role.MENTEE),
        "have or had a mentorship": _people(books, matches.MatchAccepted, Role.MENTEE),
    }


def _mentors(books: Books) -> dict[str, int]:
    registered = books.topics.of_type(ParticipantRegistered)
    return {
        "registered": sum(event.payload.role is Role.MENTOR for event in registered),
        "were asked": _people(books, matches.MatchMenteeAccepted, Role.MENTOR),
        "accompany or accompanied somebody": _people(books, matches.MatchAccepted, Role.MENTOR),
    }


def _people(books: Books, kind: type[MatchState], role: Role) -> int:
    return len({getattr(event.payload, f"{role}_id") for event in books.topics.of_type(kind)})


def _days_waited(books: Books) -> Iterable[int]:
    """For each placed mentee the days from when she could be matched to her first mentorship."""
    since: dict[str, datetime] = {}
    for event in books.topics.of(PARTICIPANTS):
        state = event.payload
        if isinstance(state, ParticipantState) and state.available_since is not None:
            since.setdefault(event.subject, state.available_since)
    placed: dict[str, datetime] = {}
    for event in books.topics.of_type(matches.MatchAccepted):
        mentee_id = event.payload.mentee_id
        placed[mentee_id] = min(event.time, placed.get(mentee_id, event.time))
    return [(at - since[who]).days for who, at in placed.items() if who in since]


def _by_week(times: Iterable[datetime], began: datetime, weeks: int) -> list[int]:
    counts = Counter(min((time - began) // _WEEK, weeks - 1) for time in times)
    return [counts[week] for week in range(weeks)]


def _check_ins_now(books: Books) -> dict[str, int]:
    """Where each check-in that was ever due stands, by its last event."""
    last: dict[tuple[str, int], tuple[datetime, str]] = {}
    for stream in (CHECK_INS, CARE):
        for event in books.topics.of(stream):
            state = event.payload
            if isinstance(state, check_ins.CheckInState):
                place = (event.subject, state.number)
                known = last.get(place)
                if known is None or known[0] <= event.time:
                    last[place] = (event.time, state.status.value)
    return dict(Counter(status for _, status in last.values()).most_common())


def _waiting_reasons(books: Books) -> Counter[str]:
    """What those who wait were told last; many have not waited for long enough to be told."""
    told: dict[str, str] = {}
    for event in books.topics.of_type(StillWaiting):
        told[event.subject] = event.payload.reason.value
    waiting, _ = books.waiting()
    return Counter(told.get(who, "not for long yet") for who in waiting)


def _proposals(books: Books, tables: Tables) -> list[Told]:
    """Some proposals of as many cities, the best first."""
    became = {span.match.match_id: span.match.status.value for span in books.spans}
    proposed = sorted(
        books.topics.of_type(matches.MatchProposed),
        key=lambda event: (-event.payload.score, event.payload.mentee_id),
    )
    shown: dict[str, Told] = {}
    for event in proposed:
        match: MatchState = event.payload
        city = match.city or ""
        if city not in shown and len(shown) < SHOWN_PROPOSALS:
            place = tables.places[city].name if city in tables.places else "another place"
            shown[city] = Told(
                who=f"A mentee in {place}" + (", to meet online" if match.online else ""),
                score=match.score,
                reasons=tuple(
                    _in_words(reason, tables) for reason in match.reasons if reason.points
                ),
                became=became[match.match_id].replace("_", " "),
            )
    return list(shown.values())


def _in_words(reason: Reason, tables: Tables) -> str:
    names = [_word(reason.factor, code, tables) for code in reason.shared]
    words = _FACTORS[reason.factor]
    listed = f": {', '.join(names)}" if names and reason.factor in _NAMES_ITS_CODES else ""
    return f"{words}{listed} ({reason.points} points)"


_FACTORS: Final[Mapping[Factor, str]] = {
    Factor.KINDS_OF_HELP: "The mentor offers what the mentee asks for",
    Factor.PROFESSION: "They come from the same or a near profession",
    Factor.EDUCATION: "Their educations have something in common",
    Factor.WISHED_PROFESSION: "The mentor works where the mentee would like to",
    Factor.COMMON_GROUND: "They share interests or life topics",
    Factor.LANGUAGE_COMFORT: "They share a language that both are at ease with",
    Factor.SAME_CITY: "They live in the same municipality",
}
_NAMES_ITS_CODES: Final = (
    Factor.KINDS_OF_HELP,
    Factor.PROFESSION,
    Factor.WISHED_PROFESSION,
    Factor.COMMON_GROUND,
    Factor.LANGUAGE_COMFORT,
)


def _word(factor: Factor, code: str, tables: Tables) -> str:
    if factor in (Factor.PROFESSION, Factor.WISHED_PROFESSION):
        return tables.occupation_titles.get(code, code)
    if factor is Factor.LANGUAGE_COMFORT:
        return tables.languages.names.get(code, code)
    return code.replace("_", " ")


def pairs(books: Books, record_of: Mapping[tuple[str, str], int]) -> list[list[Any]]:
    """Each match as [record of the mentee, record of the mentor, status], sorted.

    Who registered on the web has no record: her address stands there instead.
    """
    addresses = books.addresses

    def record(participant_id: str) -> int | str:
        address = addresses.get(participant_id)
        if address is None:
            return "unknown"
        return record_of.get(address, address[1])

    found = [
        [record(span.match.mentee_id), record(span.match.mentor_id), span.match.status.value]
        for span in books.spans
    ]
    return sorted(found, key=str)
