"""The coordinators' desk: whose people a page shows, and what is on record before it shows them."""

import re
from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.intake.domain.desk import LONGEST_NOTE, Seen, Why
from services.intake.domain.participant import Status
from shared.events.participants import Role
from shared.events.programmes import CoordinatorRef
from shared.security.scopes import EVERYTHING, Scope
from shared.security.sessions import RENEW_WITHIN
from shared.web.languages import LOCALES
from tests.component.intake.desk_ground import AARHUS, NOW, ODENSE, Browser, DeskGround

PAGES = (
    "",
    "waiting",
    "screening",
    "proposals",
    "proposals/a-held",
    "mentorships",
    "mentorships?need=help",
    "mentorships/a-run",
    "mentorships/a-over",
    "mentorships/a-online",
    "people/a-waits",
    "people/a-mentor",
    "people/a-ended",
    "gaps",
    "unreached",
    "import",
    "report",
    "report?month=2026-02",
    "report.csv",
)
HEADER = "role,name,email,city,languages,kinds_of_help,availability,charter_version,goals"
HERS = "mentee,Nour,nour@new.example,Aarhus,ar,job_search,mon-evening,1,A job"
OTHERS = "mentee,Olga,olga@new.example,Odense,uk,job_search,mon-evening,1,A job"
KNOWN = "mentee,Amal,a-waits@canary.example,Aarhus,ar,job_search,mon-evening,1,A job"


@pytest.fixture
async def ground() -> DeskGround:
    return DeskGround()


def named_in(text: str, ground: DeskGround) -> set[str]:
    """Ids of those whose name, address or telephone number is in the text."""
    people: dict[str, Any] = ground.store.participants.states
    return {
        each.participant_id
        for each in people.values()
        if each.person
        and any(
            word and word in text
            for word in (
                each.person.contact.name,
                each.person.contact.email,
                each.person.contact.phone,
            )
        )
    }


def of_city(ground: DeskGround, city: str) -> set[str]:
    return {name for name, each in ground.store.participants.states.items() if each.city == city}


async def test_a_coordinator_sees_the_people_of_her_cities_and_their_matches_only(
    ground: DeskGround,
) -> None:
    karen = ground.browser("karen")
    seen: set[str] = set()
    for path in PAGES:
        answer = await karen.sees(path)
        assert answer.status_code == 200, (path, answer.text)
        seen |= named_in(answer.text, ground)
    assert seen & of_city(ground, AARHUS)
    # The other side of a mentorship of hers; nobody else of Odense.
    assert seen & of_city(ground, ODENSE) == {"o-mentor"}


@pytest.mark.parametrize(
    "path", ["proposals/o-held", "mentorships/o-run", "people/o-waits", "people/o-mentor"]
)
async def test_what_is_of_another_city_is_answered_as_if_it_did_not_exist(
    ground: DeskGround, path: str
) -> None:
    karen = ground.browser("karen")
    here = await karen.sees(path)
    nowhere = await karen.sees(re.sub(r"[^/]+$", "nobody", path))
    assert (here.status_code, here.content) == (404, nowhere.content)
    for act in ("contact", "notes", "screened"):
        answer = await karen.sends(f"people/o-talk/{act}", why="help", text="x", note_id="n")
        assert answer.status_code == 404
    assert ground.store.participants.states["o-talk"].status is Status.AWAITING_SCREENING


async def test_no_page_shows_contact_data_that_is_not_on_record(ground: DeskGround) -> None:
    for who in ("karen", "lead"):
        browser = ground.browser(who)
        for path in (*PAGES, "looks") if who == "lead" else PAGES:
            ground.looks.kept.clear()
            answer = await browser.sees(path)
            on_record = {p for look in ground.looks.kept for p in look.people}
            assert named_in(answer.text, ground) <= on_record, path
            assert all(look.by == who and look.at == NOW for look in ground.looks.kept)
            # Addresses and telephone numbers are behind a click, on no list.
            assert "@canary.example" not in answer.text
            assert "+45 11" not in answer.text


async def test_an_address_is_shown_after_a_click_with_a_reason_that_is_on_record(
    ground: DeskGround,
) -> None:
    karen = ground.browser("karen")
    assert (await karen.sends("people/a-waits/contact")).status_code == 422
    assert not ground.looks.kept
    answer = await karen.sends("people/a-waits/contact", why="unreached")
    assert "a-waits@canary.example" in answer.text
    (look,) = ground.looks.kept
    assert (look.by, look.people, look.seen, look.why) == (
        "karen",
        ("a-waits",),
        Seen.ADDRESS,
        Why.UNREACHED,
    )


async def test_the_mentor_of_another_city_can_be_reached_while_she_meets_a_mentee_of_hers(
    ground: DeskGround,
) -> None:
    karen = ground.browser("karen")
    answer = await karen.sends("people/o-mentor/contact", why="check_in")
    assert "o-mentor@canary.example" in answer.text
    del ground.store.matches.states["a-online"]
    assert (await karen.sends("people/o-mentor/contact", why="check_in")).status_code == 404
    assert (await karen.sends("people/o-spare/contact", why="check_in")).status_code == 404


async def test_only_whoever_leads_and_operators_see_who_looked(ground: DeskGround) -> None:
    await ground.browser("karen").sends("people/a-waits/contact", why="help")
    assert (await ground.browser("karen").sees("looks")).status_code == 403
    for who, scope in (("lead", None), ("operator", EVERYTHING)):
        answer = await ground.browser(who, scope).sees("looks")
        assert answer.status_code == 200
        assert "karen" in answer.text
        assert not named_in(answer.text, ground)


async def test_a_session_says_who_she_is_and_the_programme_what_she_still_may(
    ground: DeskGround,
) -> None:
    wide = ground.browser("karen", Scope("dk", None))  # Signed in while she led the programme.
    assert not named_in((await wide.sees("waiting")).text, ground) & of_city(ground, ODENSE)
    programme = ground.store.programmes.states["dk"]
    object.__setattr__(
        programme, "coordinators", (CoordinatorRef(coordinator_id="oscar", cities=(AARHUS,)),)
    )
    answer = await wide.sees("waiting")
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/intake/sign-in?then=%2Fintake%2Fcoordinator%2Fwaiting",
    )
    assert "Max-Age=0" in answer.headers["set-cookie"]


async def test_each_page_gives_the_session_another_hour(ground: DeskGround) -> None:
    karen = ground.browser("karen")
    for _ in range(3):
        ground.machine.at += RENEW_WITHIN - timedelta(minutes=1)
        assert (await karen.sees("")).status_code == 200
    ground.machine.at += RENEW_WITHIN
    assert (await karen.sees("")).status_code == 303


async def test_a_form_without_its_token_does_nothing(ground: DeskGround) -> None:
    karen = ground.browser("karen")
    for token in ("", "wrong"):
        karen.token = token
        answer = await karen.sends("people/a-waits/notes", text="x", note_id="n")
        assert answer.status_code == 403
    assert not ground.store.participants.states["a-waits"].person.notes


async def test_a_note_is_kept_once_and_shown_with_who_wrote_it(ground: DeskGround) -> None:
    karen = ground.browser("karen")
    for _ in range(2):
        back = "/intake/coordinator/people/a-waits"
        answer = await karen.sends(
            "people/a-waits/notes", text=" Call in April. ", note_id="n1", back=back
        )
        assert answer.headers["location"] == f"{back}?done=note"
    (note,) = ground.store.participants.states["a-waits"].person.notes
    assert (note.by, note.text, note.at) == ("karen", "Call in April.", NOW)
    assert "Call in April." in (await karen.sees("people/a-waits")).text
    empty = await karen.sends("people/a-waits/notes", text="  ", note_id="n2", back=back)
    assert empty.headers["location"] == f"{back}?refused=note-refused"
    long = await karen.sends(
        "people/a-waits/notes", text="x" * (LONGEST_NOTE + 1), note_id="n3", back=back
    )
    assert "refused=" in long.headers["location"]


async def test_a_mentor_is_welcomed_after_the_talk_with_a_note_of_it(ground: DeskGround) -> None:
    karen = ground.browser("karen")
    answer = await karen.sends("people/a-talk/screened", text="Warm and clear.", note_id="n1")
    assert answer.headers["location"] == "/intake/coordinator/screening?done=screen"
    talked = ground.store.participants.states["a-talk"]
    assert talked.status is Status.ACTIVE
    assert (talked.person.screened_by, talked.person.notes[0].text) == ("karen", "Warm and clear.")


async def test_words_on_a_page_cannot_be_put_there_by_a_link(ground: DeskGround) -> None:
    karen = ground.browser("karen")
    page = await karen.sees("", done="<script>", refused="Call +45 666 now")
    assert "<script" not in page.text
    assert "666" not in re.sub(r"<[^>]*>", "", page.text)


@pytest.mark.parametrize("locale", LOCALES)
async def test_every_page_is_there_in_every_language(ground: DeskGround, locale: str) -> None:
    lead = ground.browser("lead")
    for path in (*PAGES, "looks"):
        page, _, query = path.partition("?")
        answer = await lead.sees(page, lang=locale, **dict([query.split("=")] if query else []))
        assert answer.status_code == 200, path
        if not path.endswith(".csv"):
            assert f'<html lang="{locale}"' in answer.text


async def upload(browser: Browser, *lines: str, name: str = "people.csv") -> httpx.Response:
    text = "\n".join((HEADER, *lines)).encode()
    return await browser.http.post(
        "/coordinator/import/imports",
        data={"form_token": browser.token},
        files={"file": (name, text, "text/csv")},
    )


async def test_a_spreadsheet_is_shown_before_anybody_is_registered(ground: DeskGround) -> None:
    karen = ground.browser("karen")
    before = dict(ground.store.participants.states)
    page = await upload(karen, HERS, OTHERS, KNOWN, "mentee,,bad,Atlantis,,,,,")
    assert page.status_code == 200, page.text
    counts = [int(found) for found in re.findall(r"<strong>(\d+)</strong>", page.text)]
    assert counts == [1, 1, 2]
    assert "not one of your cities" in page.text
    assert ground.store.participants.states == before
    (draft_id,) = ground.store.drafts.states
    refused = await karen.sees(f"import/{draft_id}/refused.csv")
    assert "olga" not in page.text.lower()
    assert refused.headers["content-type"].startswith("text/csv")
    assert "Odense" in refused.text
    assert (await ground.browser("oscar").sees(f"import/{draft_id}/refused.csv")).status_code == 410


async def test_a_file_that_is_no_table_is_refused_with_a_reason(ground: DeskGround) -> None:
    karen = ground.browser("karen")
    answer = await karen.http.post(
        "/coordinator/import/imports",
        data={"form_token": karen.token},
        files={"file": ("people.xlsx", b"PK not a table", "application/zip")},
    )
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


async def test_a_mentee_is_never_told_by_the_desk_who_said_no_or_why(ground: DeskGround) -> None:
    """A page shows that a proposal came to nothing, not who declined it."""
    from dataclasses import replace

    from shared.events.matches import DeclineReason, MatchStatus

    held = ground.store.matches.states["a-held"]
    ground.store.matches.states["a-held"] = replace(
        held,
        status=MatchStatus.DECLINED,
        open=False,
        declined_by=Role.MENTOR,
        decline_reason=DeclineReason.TOO_FAR,
    )
    page = await ground.browser("karen").sees("people/a-asks")
    assert "not this time" in page.text
    assert "too_far" not in page.text


async def test_somebody_who_was_forgotten_is_a_blank_page(ground: DeskGround) -> None:
    from dataclasses import replace

    states = ground.store.participants.states
    states["a-mentor"] = replace(states["a-mentor"], person=None, status=Status.ERASED)
    karen, lead = ground.browser("karen"), ground.browser("lead")
    assert (await karen.sees("people/a-mentor")).status_code == 404
    for path in ("people/a-mentor", "mentorships/a-run", "mentorships", "people/a-mentee"):
        answer = await lead.sees(path)
        assert answer.status_code == 200
        assert "a-mentor Canary".capitalize() not in answer.text
    shown = await lead.sends("people/a-mentor/contact", why="other")
    assert "canary.example" not in shown.text
