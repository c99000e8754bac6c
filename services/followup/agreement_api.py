"""HTTP in: the page on which the two agree, what they send from it, and their meeting as a calendar file."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from fastapi import APIRouter, Request, Response
from icalendar import Calendar, Event
from pydantic import Field, NaiveDatetime

from services.followup.domain.agreement import Terms
from services.followup.domain.mentorship import Mentorship
from services.followup.domain.refusals import MentorshipUnknown, NoMeeting, NotYours
from services.followup.sent import Sent, Words
from services.followup.service import Followup, Once
from shared.clock import Clock
from shared.decisions import Refusal
from shared.events.participants import Role
from shared.security.links import LinkClaims, Links, Purpose
from shared.storage.changes import Outcome
from shared.web.frame import Pages
from shared.web.idempotency import Idempotent
from shared.web.languages import negotiate, own_name
from shared.web.letterbox import Letterbox
from shared.web.problems import problem_of
from shared.web.words import N_

_HERS: Final = (Purpose.MY_PAGE,)
_AN_HOUR: Final = timedelta(hours=1)
_EVERY_WEEKS: Final = 2
_EARLIEST: Final = datetime(2020, 1, 1)  # noqa: DTZ001  (on the wall of a programme)
_LATEST: Final = datetime(2100, 1, 1)  # noqa: DTZ001
_WITH_MENTOR: Final = N_("Meeting with my mentor")
_WITH_MENTEE: Final = N_("Meeting with my mentee")


class SentAgreement(Sent):
    """What one side writes down. `until` is a day, `meeting` a time on the wall of the programme.

    seen: the edition that she had before her; 0 for none.
    """

    goals: Words = ""
    every_weeks: Annotated[int, Field(ge=1, le=12)] = _EVERY_WEEKS
    until: Annotated[date, Field(ge=_EARLIEST.date(), le=_LATEST.date())]
    meeting: Annotated[NaiveDatetime, Field(ge=_EARLIEST, le=_LATEST)] | None = None
    language: Annotated[str, Field(max_length=8)] = ""
    seen: Annotated[int, Field(ge=0)] = 0


class SentAffirmation(Sent):
    """She stands by the agreement in the edition that she has seen."""

    seen: Annotated[int, Field(ge=1)]


def agreement_routes(
    followup: Followup, letterbox: Letterbox[Mentorship], links: Links, pages: Pages, clock: Clock
) -> APIRouter:
    """The agreement of two people, for these two."""
    router = APIRouter()

    async def opened(token: str) -> tuple[Mentorship, Role] | Refusal:
        claims = links.read_any(token, _HERS)
        if isinstance(claims, Refusal):
            return claims
        found = await followup.mentorship(claims.match_id or "")
        if found is None:
            return MentorshipUnknown()
        side = found.side_of(claims.participant_id)
        return NotYours() if side is None else (found, side)

    @router.get("/agreement", include_in_schema=False)
    async def agreement_page(request: Request, token: str = "") -> Response:
        """What the two have agreed on, and the form to write it."""
        locale = negotiate(request)
        found = await opened(token)
        if isinstance(found, Refusal):
            return pages.render(
                "refused.html",
                locale,
                status=found.kind.value,
                request=request,
                detail=found.detail,
                my_page="",
            )
        mentorship, side = found
        context = _shown(mentorship, side, locale)
        return pages.render("agreement.html", locale, request=request, token=token, **context)

    @router.post("/agreement")
    async def agree(request: Request, key: Idempotent) -> Response:
        """One side writes the agreement and stands by it."""

        async def act(sent: SentAgreement, link: LinkClaims, once: Once) -> Outcome[Mentorship]:
            match_id = link.match_id or sent.match_id or ""

            def terms(mentorship: Mentorship) -> Terms:
                return _terms(sent, ZoneInfo(mentorship.time_zone))

            return await followup.agree(match_id, link.participant_id, terms, sent.seen, once)

        return await letterbox.take(request, key, SentAgreement, _HERS, act, "agreed")

    @router.post("/agreement/affirm")
    async def affirm(request: Request, key: Idempotent) -> Response:
        """The other side stands by it, too."""

        async def act(sent: SentAffirmation, link: LinkClaims, once: Once) -> Outcome[Mentorship]:
            match_id = link.match_id or sent.match_id or ""
            return await followup.affirm(match_id, link.participant_id, sent.seen, once)

        return await letterbox.take(request, key, SentAffirmation, _HERS, act, "affirmed")

    @router.get("/meeting.ics", include_in_schema=False)
    async def meeting(request: Request, token: str = "") -> Response:
        """Their next meeting as a calendar file (RFC 5545)."""
        found = await opened(token)
        if isinstance(found, Refusal):
            raise problem_of(found)
        mentorship, side = found
        agreement = mentorship.agreement
        if agreement is None or agreement.terms.meeting_at is None:
            raise problem_of(NoMeeting())
        words = pages.translate(negotiate(request))
        summary = _WITH_MENTOR if side is Role.MENTEE else _WITH_MENTEE
        content = _calendar(
            mentorship, agreement.edition, agreement.terms.meeting_at, words(summary), clock.now()
        )
        headers = {"Content-Disposition": 'attachment; filename="meeting.ics"'}
        return Response(content, media_type="text/calendar; charset=utf-8", headers=headers)

    return router


def _terms(sent: SentAgreement, zone: ZoneInfo) -> Terms:
    """Days and times on the wall as instants: an agreement holds until the end of its last day."""
    until = datetime.combine(sent.until, time(23, 59), zone).astimezone(UTC)
    meeting = None
    if sent.meeting is not None:
        meeting = sent.meeting.replace(tzinfo=zone).astimezone(UTC)
    return Terms(sent.goals, sent.every_weeks, until, meeting, sent.language)


def _shown(mentorship: Mentorship, side: Role, locale: str) -> Mapping[str, Any]:
    """What the page shows; for the form the days and times on the wall of the programme."""
    zone, agreement = ZoneInfo(mentorship.time_zone), mentorship.agreement
    terms = agreement.terms if agreement else None
    until = (terms.until if terms else mentorship.planned_end).astimezone(zone)
    meeting = terms.meeting_at.astimezone(zone) if terms and terms.meeting_at else None
    return {
        "side": side.value,
        "running": mentorship.is_running,
        "seen": agreement.edition if agreement else 0,
        "goals": terms.goals if terms else "",
        "every_weeks": terms.every_weeks if terms else _EVERY_WEEKS,
        "until": until.date().isoformat(),
        "until_in_words": format_date(until, "long", locale=locale),
        "meeting": meeting.strftime("%Y-%m-%dT%H:%M") if meeting else "",
        "meeting_in_words": _moment(meeting, locale) if meeting else "",
        "language": terms.language if terms else "",
        "language_in_words": own_name(terms.language) if terms and terms.language else "",
        "languages": [(code, own_name(code) or code) for code in mentorship.languages],
        "affirmed": agreement is not None and side in agreement.affirmed_by,
        "affirmed_by_both": agreement is not None and len(agreement.affirmed_by) == len(Role),
        "zone": mentorship.time_zone.rpartition("/")[2].replace("_", " "),
    }


def _moment(at: datetime, locale: str) -> str:
    day = format_date(at, "full", locale=locale)
    return f"{day}, {format_time(at, 'short', locale=locale)}"


def _calendar(
    mentorship: Mentorship, edition: int, at: datetime, summary: str, now: datetime
) -> bytes:
    """The same UID for each edition, so that a calendar moves the meeting instead of adding one."""
    event = Event()
    event.add("uid", f"{mentorship.match_id}@common-ground")
    event.add("sequence", edition)
    event.add("dtstamp", now)
    local = at.astimezone(ZoneInfo(mentorship.time_zone))
    event.add("dtstart", local)
    event.add("dtend", local + _AN_HOUR)
    event.add("summary", summary)
    calendar = Calendar()
    calendar.add("prodid", "-//Common Ground//followup//")
    calendar.add("version", "2.0")
    calendar.add_component(event)
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())
