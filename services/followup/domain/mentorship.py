"""What a mentorship is, and when time next has something to do in it.

What must stay true: at most one check-in is open, and none once the mentorship is closed. Check-ins
are numbered 1, 2, 3 … in order of time. Nothing but care goes on after the end.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Final, Self

from services.followup.domain import schedule
from services.followup.domain.agreement import Agreement
from services.followup.domain.survey import Survey
from shared.events.check_ins import CheckInState, CheckInStatus, ClosingReason, MentorshipClosed
from shared.events.matches import MatchAccepted
from shared.events.participants import Role
from shared.events.programmes import Policy

OPEN_STATUSES: Final = (CheckInStatus.DUE, CheckInStatus.OVERDUE, CheckInStatus.ESCALATED)


class Going(StrEnum):
    """How it goes, in a side's own judgement."""

    WELL = "well"
    MIXED = "mixed"
    HARD = "hard"


@dataclass(frozen=True, slots=True)
class Answer:
    """One side's answer to a check-in. `next_step` is in her own words and never leaves here."""

    going: Going
    next_step: str
    meeting_again: bool | None


@dataclass(frozen=True, slots=True)
class View:
    """One side of one check-in: when she was asked, whether that reached her, what she answered.

    A message that could not be sent counts as asked (nobody waits for ever) but not as `reached`.
    """

    asked_at: datetime | None = None
    reached: bool = True
    answer: Answer | None = None
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """The programme's policy as it was when the mentorship began; days are spans of 24 hours."""

    check_in_days: tuple[int, ...]
    check_in_every_days: int
    check_in_every_days_after_a_year: int
    grace_days: int
    reminder_after_days: tuple[int, ...]
    escalate_after_days: int
    deputy_after_working_days: int
    planned_months: int
    keep_words_days: int = 180

    @classmethod
    def of(cls, policy: Policy) -> Self:
        """The terms that a policy gives. A reminder at or after the end of the grace is left out."""
        reminders = sorted(set(policy.check_in_reminder_after_days))
        return cls(
            check_in_days=tuple(sorted(set(policy.check_in_days))),
            check_in_every_days=policy.check_in_every_days,
            check_in_every_days_after_a_year=policy.check_in_every_days_after_a_year,
            grace_days=policy.check_in_grace_days,
            reminder_after_days=tuple(d for d in reminders if d < policy.check_in_grace_days),
            escalate_after_days=policy.escalate_after_overdue_days,
            deputy_after_working_days=policy.help_deputy_after_working_days,
            planned_months=policy.planned_months,
            keep_words_days=policy.keep_words_days,
        )


class MilestoneKind(IntEnum):
    """What time may bring. The values order what falls on one instant."""

    REMINDER = 1
    OVERDUE = 2
    ESCALATION = 3
    DEPUTY = 4
    CHECK_IN_DUE = 5
    PLANNED_END = 6
    WORDS_KEPT = 7


@dataclass(frozen=True, slots=True, order=True)
class Milestone:
    """Something that time brings at an instant; `help_id` names the request of a DEPUTY."""

    at: datetime
    kind: MilestoneKind
    help_id: str = ""


@dataclass(frozen=True, slots=True)
class CheckIn:
    """A question to both sides. `due_at` is when it is meant, `asked_at` when both had its message.

    `is_settled`: a later one has taken its place, or all is over; what it became stays on record.
    """

    number: int
    day: int
    due_at: datetime
    status: CheckInStatus = CheckInStatus.SCHEDULED
    mentee: View = View()
    mentor: View = View()
    reminders_passed: int = 0
    overdue_at: datetime | None = None
    completed_at: datetime | None = None
    is_settled: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it can be answered."""
        return self.status in OPEN_STATUSES and not self.is_settled

    def settled(self) -> "CheckIn":
        """What is left of it when something else takes its place.

        One that was not overdue yet becomes skipped. One that is overdue or escalated stays so.
        """
        if self.status in (CheckInStatus.SCHEDULED, CheckInStatus.DUE):
            return replace(self, status=CheckInStatus.SKIPPED, is_settled=True)
        return replace(self, is_settled=True)

    def view(self, side: Role) -> View:
        """One side of it."""
        return self.mentee if side is Role.MENTEE else self.mentor

    def with_view(self, side: Role, view: View) -> "CheckIn":
        """The same check-in with one side's view changed."""
        return replace(self, mentee=view) if side is Role.MENTEE else replace(self, mentor=view)

    @property
    def asked_at(self) -> datetime | None:
        """When the later of the two was asked. The grace runs from here; None: not yet both."""
        if self.mentee.asked_at is None or self.mentor.asked_at is None:
            return None
        return max(self.mentee.asked_at, self.mentor.asked_at)

    @property
    def answered_by(self) -> tuple[Role, ...]:
        """The sides that have answered."""
        return tuple(side for side in Role if self.view(side).answer is not None)

    @property
    def missing(self) -> tuple[Role, ...]:
        """The sides that have not answered."""
        return tuple(side for side in Role if self.view(side).answer is None)

    def next_milestone(self, terms: Terms) -> Milestone | None:
        """What time brings next to this check-in once it is open."""
        if self.status is CheckInStatus.OVERDUE and self.overdue_at is not None:
            at = self.overdue_at + timedelta(days=terms.escalate_after_days)
            return Milestone(at, MilestoneKind.ESCALATION)
        if self.status is not CheckInStatus.DUE or self.asked_at is None:
            return None
        if self.reminders_passed < len(terms.reminder_after_days):
            after_days = terms.reminder_after_days[self.reminders_passed]
            return Milestone(self.asked_at + timedelta(days=after_days), MilestoneKind.REMINDER)
        return Milestone(self.asked_at + timedelta(days=terms.grace_days), MilestoneKind.OVERDUE)


@dataclass(frozen=True, slots=True)
class HelpRequest:
    """'I need help', said privately by one side. `text` is in her own words and never leaves here."""

    help_id: str
    asked_by: Role
    asked_at: datetime
    text: str
    deputy_at: datetime
    told_deputy_at: datetime | None = None
    handled_by: str | None = None
    handled_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it still waits for a coordinator."""
        return self.handled_at is None


@dataclass(frozen=True, slots=True)
class Closure:
    """How and when it ended."""

    reason: ClosingReason
    early: bool
    closed_at: datetime
    match_again: tuple[Role, ...]


@dataclass(frozen=True, slots=True)
class Mentorship:
    """Two people who both said yes. Its id is the match's. `languages`: that both want to use."""

    match_id: str
    mentee_id: str
    mentor_id: str
    programme: str
    city: str | None
    time_zone: str
    started_at: datetime
    planned_end: datetime
    terms: Terms
    check_ins: tuple[CheckIn, ...]
    help_requests: tuple[HelpRequest, ...] = ()
    extended_at: datetime | None = None
    closure: Closure | None = None
    forgotten: tuple[Role, ...] = ()
    languages: tuple[str, ...] = ()
    agreement: Agreement | None = None
    mentee_survey: Survey | None = None
    mentor_survey: Survey | None = None

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.closure is None

    @property
    def open_check_in(self) -> CheckIn | None:
        """The one that can be answered now, if any."""
        return next((c for c in self.check_ins if c.is_open), None)

    @property
    def next_check_in(self) -> CheckIn | None:
        """The next one whose time has not come."""
        return next((c for c in self.check_ins if c.status is CheckInStatus.SCHEDULED), None)

    @property
    def next_milestone(self) -> Milestone | None:
        """What time brings next, or None if nothing is left to it."""
        coming = [
            Milestone(request.deputy_at, MilestoneKind.DEPUTY, request.help_id)
            for request in self.help_requests
            if request.is_open and request.told_deputy_at is None
        ]
        if self.words_kept_until is not None:
            coming.append(Milestone(self.words_kept_until, MilestoneKind.WORDS_KEPT))
        if self.is_running:
            coming.append(Milestone(self.planned_end, MilestoneKind.PLANNED_END))
        if self.next_check_in is not None:
            coming.append(Milestone(self.next_check_in.due_at, MilestoneKind.CHECK_IN_DUE))
        if self.open_check_in is not None:
            of_open = self.open_check_in.next_milestone(self.terms)
            coming += [of_open] if of_open else []
        return min(coming, default=None)

    @property
    def wake_at(self) -> datetime | None:
        """When time next has something to do here."""
        return self.next_milestone.at if self.next_milestone else None

    @property
    def words_kept_until(self) -> datetime | None:
        """Until when what both have said is kept: some time after the end, or the last call for help."""
        if self.closure is None or not self.has_words:
            return None
        last = max((self.closure.closed_at, *(r.asked_at for r in self.help_requests)))
        return last + timedelta(days=self.terms.keep_words_days)

    @property
    def has_words(self) -> bool:
        """Whether anything that somebody said is kept."""
        answers = (c.view(side).answer for c in self.check_ins for side in Role)
        said = (
            *(request.text for request in self.help_requests),
            *(answer.next_step for answer in answers if answer),
            *(survey.text for survey in (self.mentee_survey, self.mentor_survey) if survey),
            self.agreement.terms.goals if self.agreement else "",
        )
        return any(said)

    def survey(self, side: Role) -> Survey | None:
        """What one side said at the end, if she has."""
        return self.mentee_survey if side is Role.MENTEE else self.mentor_survey

    def side_of(self, participant_id: str) -> Role | None:
        """Which side somebody is on; None for a stranger."""
        if participant_id == self.mentee_id:
            return Role.MENTEE
        return Role.MENTOR if participant_id == self.mentor_id else None

    def check_in(self, number: int) -> CheckIn | None:
        """The check-in with this number."""
        return self.check_ins[number - 1] if 1 <= number <= len(self.check_ins) else None

    def with_check_in(self, check_in: CheckIn) -> "Mentorship":
        """The same mentorship with one check-in changed."""
        before, after = self.check_ins[: check_in.number - 1], self.check_ins[check_in.number :]
        return replace(self, check_ins=(*before, check_in, *after))

    def planned_until(self, planned_end: datetime) -> "Mentorship":
        """The same mentorship with another planned end, and the check-ins up to there."""
        days = schedule.check_in_days(
            self.terms.check_in_days,
            self.terms.check_in_every_days,
            self.terms.check_in_every_days_after_a_year,
        )
        times = schedule.check_in_times(self.started_at, planned_end, days)
        added = tuple(
            CheckIn(number, day, due_at)
            for number, (day, due_at) in enumerate(times, start=1)
            if number > len(self.check_ins)
        )
        return replace(self, planned_end=planned_end, check_ins=self.check_ins + added)


def start(
    told: MatchAccepted | CheckInState | MentorshipClosed,
    terms: Terms,
    time_zone: str,
    at: datetime,
) -> Mentorship:
    """The mentorship of the two whom an event names, from `at` on, with all its check-ins scheduled."""
    unplanned = Mentorship(
        match_id=told.match_id,
        mentee_id=told.mentee_id,
        mentor_id=told.mentor_id,
        programme=told.programme,
        city=told.city,
        time_zone=time_zone,
        started_at=at,
        planned_end=at,
        terms=terms,
        check_ins=(),
        languages=told.languages if isinstance(told, MatchAccepted) else (),
    )
    return unplanned.planned_until(schedule.months_later(at, terms.planned_months))
