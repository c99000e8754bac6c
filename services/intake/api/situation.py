"""What her own page is made of: what is so now, in words and dates of hers, and the links for it.

A name and an address of the other one are in here only for a match that both have accepted.
"""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from fastapi import Request

from services.intake.api.pages import PAGES, proposal_of
from services.intake.domain.journeys import KnownMatch, Wanted
from services.intake.domain.now import Kind, Now, next_check_in, open_check_in, what_is_now
from services.intake.domain.participant import Participant, Person, Status
from services.intake.domain.programme import Programme
from services.intake.service import Intake
from shared.events.participants import Role
from shared.events.programmes import Policy
from shared.security.links import LinkClaims, Links, Purpose
from shared.web.words import WHAT_HELPS, WHY_WAITING


async def situation(
    request: Request,
    intake: Intake,
    claims: LinkClaims,
    state: Participant,
    person: Person,
    locale: str,
) -> dict[str, Any]:
    """The context of `my_page.html`."""
    clock = request.app.state.runtime.clock
    matches = await intake.store.matches_of(claims.participant_id)
    # The match that her message was about comes first among those alike.
    matches.sort(key=lambda match: match.match_id != claims.match_id)
    waiting = await intake.store.waiting.get(claims.participant_id)
    programme = await intake.programme(state.programme)
    known = programme if isinstance(programme, Programme) else None
    tell = _Telling(request.app.state.runtime.links, claims, person, clock.now(), locale)
    policy = known.policy if known else Policy()
    return {
        "name": person.contact.name,
        "reminders": person.contact.reminders,
        "role": person.role.value,
        "standing": state.status.value,
        "items": [
            await _item(intake, now, tell, policy)
            for now in what_is_now(state, person, matches, waiting)
        ],
        "every_days": policy.round_every_days,
        "to_affirm": _to_affirm(person, known, locale),
        "coordinators": await _coordinators(intake, known, person.profile.city),
        "takes_part": state.status.is_in_the_programme,
        "is_active": state.status is Status.ACTIVE,
    }


class _Telling:
    """Dates in her words and zone, and links for what she may do, as long-lived as her own."""

    def __init__(
        self, links: Links, claims: LinkClaims, person: Person, now: datetime, locale: str
    ) -> None:
        self._links = links
        self._claims = claims
        self._zone = ZoneInfo(person.contact.time_zone)
        self.side = person.role
        self.now = now
        self.locale = locale

    def day(self, instant: datetime | None) -> str:
        """A day, as in 'Monday, 5 January 2026'."""
        if instant is None:
            return ""
        return str(format_date(instant.astimezone(self._zone), "full", locale=self.locale))

    def moment(self, instant: datetime | None) -> str:
        """A day and a time of hers."""
        if instant is None:
            return ""
        local = instant.astimezone(self._zone)
        day = format_date(local, "full", locale=self.locale)
        return f"{day}, {format_time(local, 'short', locale=self.locale)}"

    def token(self, purpose: Purpose, match: KnownMatch, number: int | None = None) -> str:
        """For one purpose, match and check-in; it ends when her own link does."""
        return self._links.sign(
            purpose,
            self._claims.participant_id,
            programme=self._claims.programme,
            match_id=match.match_id,
            number=number,
            valid_for=self._claims.expires_at - self.now,
        )


async def _item(intake: Intake, now: Now, tell: _Telling, policy: Policy) -> dict[str, Any]:
    item: dict[str, Any] = {"kind": now.kind.value, "since": tell.day(now.since)}
    match now.kind:
        case Kind.WAITING if now.waiting is not None:
            translate = PAGES.translate(tell.locale)
            item["why"] = translate(WHY_WAITING[now.waiting.reason])
            item["helps"] = [translate(WHAT_HELPS[each]) for each in now.waiting.what_helps]
        case Kind.WAITING:
            item["why"], item["helps"] = "", []
        case Kind.PAUSED:
            item["pause"] = now.pause.value if now.pause else ""
    if now.match is None:
        return item
    match = now.match
    item |= await proposal_of(intake, match, tell.side, tell.locale)
    item["page"] = tell.token(Purpose.MY_PAGE, match)
    if now.kind is Kind.ANSWER:
        item["answer"] = tell.token(Purpose.ANSWER, match)
    if now.kind is Kind.MENTORSHIP:
        item |= await _mentorship(intake, match, tell, policy)
    return item


async def _mentorship(
    intake: Intake, match: KnownMatch, tell: _Telling, policy: Policy
) -> dict[str, Any]:
    other = await intake.store.participants.get(match.person(tell.side.other))
    contact = other.person.contact if other is not None and other.person is not None else None
    number, agreed = open_check_in(match), match.agreed
    return {
        "other": {"name": contact.name, "email": contact.email} if contact else None,
        "check_in": tell.token(Purpose.CHECK_IN, match, number) if number else "",
        "next_check_in": tell.day(next_check_in(match, policy, tell.now)),
        "help_asked": any(
            request.asked_by is tell.side and request.wanted is Wanted.HELP
            for request in match.requests
        ),
        "agreed": agreed is not None,
        "affirmed": agreed is not None and tell.side in agreed.affirmed_by,
        "affirmed_by_both": agreed is not None and len(agreed.affirmed_by) == len(Role),
        "meeting": tell.moment(agreed.meeting_at)
        if agreed and agreed.meeting_at and agreed.meeting_at > tell.now
        else "",
    }


def _to_affirm(person: Person, programme: Programme | None, locale: str) -> dict[str, Any] | None:
    """The charter's version in force, if she has affirmed none that is."""
    if programme is None or programme.charter_to_affirm is None:
        return None
    if {each.version for each in person.charters} & programme.charters_in_force:
        return None
    language, promises = programme.promises(programme.charter_to_affirm, locale)
    version = programme.charter_to_affirm
    return {"version": version, "language": language, "promises": promises}


async def _coordinators(
    intake: Intake, programme: Programme | None, city: str
) -> list[dict[str, str]]:
    """Whom she can write to: those who look after her city; not the whole country."""
    if programme is None:
        return []
    ids = programme.coordinators_of(city)[:2]
    found = await intake.store.coordinators.load(ids)
    return [{"name": each.name, "email": each.email} for each in found.values() if each.is_one]
