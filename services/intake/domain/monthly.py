"""A month in some cities, in numbers: what a coordinator reports. Pure; months are the programme's own.

Everything is counted from what intake knows of people and matches, so that a month gives the same
numbers whenever it is asked for, but for those who asked to be forgotten meanwhile.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from zoneinfo import ZoneInfo

from services.intake.domain.journeys import KnownMatch
from services.intake.domain.participant import Participant
from shared.events.check_ins import CheckInStatus
from shared.events.matches import MatchStatus
from shared.events.participants import Role

_LATE = frozenset({CheckInStatus.OVERDUE, CheckInStatus.ESCALATED})


@dataclass(frozen=True, slots=True)
class Month:
    """One month, as in 2026-03."""

    year: int
    number: int

    @classmethod
    def of(cls, at: datetime, zone: ZoneInfo) -> "Month":
        """The month of an instant in the programme's time zone."""
        local = at.astimezone(zone)
        return cls(local.year, local.month)

    @classmethod
    def read(cls, text: str) -> "Month | None":
        """From `2026-03`; None if it is no month."""
        try:
            first = date.fromisoformat(f"{text}-01")
        except ValueError:
            return None
        return cls(first.year, first.month)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"

    def before(self, months: int = 1) -> "Month":
        """So many months earlier."""
        index = self.year * 12 + self.number - 1 - months
        return Month(index // 12, index % 12 + 1)

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.year, self.number, 1)


@dataclass(frozen=True, slots=True)
class Figures:
    """What happened in one month. ratings: of mentees, summed, with how many there were."""

    month: str
    mentees_registered: int = 0
    mentors_registered: int = 0
    proposed: int = 0
    accepted: int = 0
    declined: int = 0
    expired: int = 0
    taken_back: int = 0
    closed_as_planned: int = 0
    closed_early: int = 0
    check_ins_answered: int = 0
    check_ins_late: int = 0
    mentees_rating_sum: int = 0
    mentees_ratings: int = 0

    @property
    def mentees_rating(self) -> float | None:
        """How well mentees say the match suited them, from 1 to 5; None if nobody said so."""
        return self.mentees_rating_sum / self.mentees_ratings if self.mentees_ratings else None


_OVER = {
    MatchStatus.DECLINED: "declined",
    MatchStatus.EXPIRED: "expired",
    MatchStatus.WITHDRAWN: "taken_back",
}


def monthly(
    people: Iterable[Participant], matches: Iterable[KnownMatch], last: Month, zone: ZoneInfo
) -> list[Figures]:
    """The figures of the year that ends with the month `last`, month by month."""
    counts: dict[Month, dict[str, int]] = {last.before(ago): {} for ago in reversed(range(12))}
    for at, name, by in (*_of_people(people), *_of_matches(matches)):
        month = counts.get(Month.of(at, zone))
        if month is not None:
            month[name] = month.get(name, 0) + by
    return [Figures(str(month), **found) for month, found in counts.items()]


def as_csv(figures: Sequence[Figures]) -> str:
    """One line a month, with a heading; what spreadsheets read."""
    names = [field.name for field in fields(Figures)]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([getattr(each, name) for name in names] for each in figures)
    return text.getvalue()


def _of_people(people: Iterable[Participant]) -> Iterator[tuple[datetime, str, int]]:
    for each in people:
        if each.person is not None:
            yield each.person.registered_at, f"{each.person.role}s_registered", 1


def _of_matches(matches: Iterable[KnownMatch]) -> Iterator[tuple[datetime, str, int]]:
    for match in matches:
        if match.proposed_at is not None:
            yield match.proposed_at, "proposed", 1
        if match.accepted_at is not None:
            yield match.accepted_at, "accepted", 1
        if match.over_at is not None and match.status in _OVER:
            yield match.over_at, _OVER[match.status], 1
        for check_in in match.check_ins:
            if check_in.status is CheckInStatus.COMPLETED:
                yield check_in.due_at, "check_ins_answered", 1
            elif check_in.status in _LATE:
                yield check_in.due_at, "check_ins_late", 1
        if match.closing is None:
            continue
        yield match.closing.closed_at, "closed_early" if match.closing.early else _PLANNED, 1
        for rating in match.ratings:
            if rating.rated_by is Role.MENTEE:
                # A rating comes with or after the closing, and belongs to it.
                yield match.closing.closed_at, "mentees_rating_sum", rating.good_match
                yield match.closing.closed_at, "mentees_ratings", 1


_PLANNED = "closed_as_planned"
