"""One mentorship, one person: what happened, what was noted, how to reach her, what can be done."""

from typing import Annotated, Final

from fastapi import APIRouter, Form, Query, Response

from services.intake.desk.lists import people_of
from services.intake.desk.visiting import TheVisit
from services.intake.domain.desk import LONGEST_NOTE, Why
from services.intake.domain.journeys import Wanted
from services.intake.domain.needs import need_of
from services.intake.domain.participant import Participant, Status
from services.intake.domain.refusals import NobodyHere, NoSuchMentorship
from shared.events.participants import Role
from shared.web.back import LeadsBack, led_back
from shared.web.problems import raise_for

LOOKS_SHOWN: Final = 200

router = APIRouter(prefix="/coordinator", route_class=LeadsBack)

Note = Annotated[str, Form(max_length=LONGEST_NOTE)]
Word = Annotated[str, Form(max_length=200)]
Once = Annotated[str, Form(max_length=64)]


@router.get("/mentorships/{match_id}")
async def mentorship(visit: TheVisit, match_id: str) -> Response:
    """A mentorship with its history, the newest first."""
    found = await visit.intake.store.matches.get(match_id)
    match = visit.caller.hers(found, NoSuchMentorship())
    people = await people_of(visit, [match])
    return visit.page(
        "mentorship.html",
        match=match,
        people=people,
        called=await visit.names(people, "mentorship"),
        need=need_of(match),
        Wanted=Wanted,
        Role=Role,
        now=visit.cause.time,
    )


@router.get("/people/{participant_id}")
async def person(visit: TheVisit, participant_id: str) -> Response:
    """Somebody of hers: her own words, what she wants, her matches, the notes about her."""
    participant = await _hers(visit, participant_id)
    store = visit.intake.store
    matches = list(reversed(await store.matches_of(participant_id)))
    hers = [match for match in matches if visit.caller.scope.covers(match)]
    others = {
        each
        for match in hers
        for each in (match.mentee_id, match.mentor_id)
        if each != participant_id
    }
    people = {participant_id: participant, **await store.participants.load(others)}
    return visit.page(
        "person.html",
        participant=participant,
        matches=hers,
        elsewhere=[match for match in matches if match not in hers and match.open],
        called=await visit.names(people, "person"),
        waiting=await store.waiting.get(participant_id),
        unreached=await store.unreached_among([participant_id]),
        coordinators=await store.coordinators.load(_writers(participant)),
        Status=Status,
        Why=Why,
        note_id=visit.desk.new_id(),
        now=visit.cause.time,
    )


@router.post("/people/{participant_id}/contact")
async def contact(visit: TheVisit, participant_id: str, why: Annotated[Why, Form()]) -> Response:
    """How to reach her. Who looked, and why, is on record before it is shown.

    Somebody of another city is shown only as the other side of a match of hers that was accepted.
    """
    store = visit.intake.store
    participant = await store.participants.get(participant_id)
    if participant is not None and not visit.caller.scope.covers(participant):
        matches = await store.matches_of(participant_id)
        if not any(visit.caller.scope.covers(match) and match.is_running for match in matches):
            participant = None
    if participant is None:
        raise_for(NobodyHere())
        raise AssertionError
    shown = await visit.desk.contact(visit.caller, visit.programme, participant, why, visit.cause)
    return visit.page("contact.html", participant=participant, contact=shown, why=why)


@router.post("/people/{participant_id}/notes")
async def note(
    visit: TheVisit, participant_id: str, text: Note, note_id: Once, back: Word = ""
) -> Response:
    """Notes something about her. No other service, and not she herself on her page, is told."""
    await _hers(visit, participant_id)
    outcome = await visit.desk.note(visit.caller, participant_id, note_id, text, visit.cause)
    raise_for(outcome.refusal)
    return led_back(back or f"/intake/coordinator/people/{participant_id}", done="note")


@router.post("/people/{participant_id}/screened")
async def screen(
    visit: TheVisit, participant_id: str, note_id: Once, text: Note = "", back: Word = ""
) -> Response:
    """Lets a mentor into the pool after the talk with her, with a note of it."""
    await _hers(visit, participant_id)
    if text.strip():
        noted = await visit.desk.note(visit.caller, participant_id, note_id, text, visit.cause)
        raise_for(noted.refusal)
    outcome = await visit.intake.screen(participant_id, visit.caller.name, None, visit.cause)
    raise_for(outcome.refusal)
    return led_back(back or "/intake/coordinator/screening", done="screen")


@router.get("/looks")
async def looks(
    visit: TheVisit,
    participant: Annotated[str | None, Query(max_length=64)] = None,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
) -> Response:
    """Who was shown whose contact data; for whoever leads the programme, and operators."""
    programme = visit.programme.programme
    visit.caller.needs_all_of(programme)
    found = await visit.desk.looks(programme, participant, after, LOOKS_SHOWN)
    return visit.page(
        "looks.html",
        looks=found,
        participant=participant,
        following=found[-1][0] if len(found) == LOOKS_SHOWN else None,
    )


async def _hers(visit: TheVisit, participant_id: str) -> Participant:
    found = await visit.intake.store.participants.get(participant_id)
    return visit.caller.hers(found, NobodyHere())


def _writers(participant: Participant) -> list[str]:
    person = participant.person
    return sorted({note.by for note in person.notes}) if person is not None else []
