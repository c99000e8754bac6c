"""The forms that simulated people send, read from the pages that intake really shows."""

from typing import Any

import pytest

from deploy.local.simulation.forms import Form, NotOnTheForm, forms_of
from services.intake.api.pages import PAGES
from shared.events.matches import DeclineReason
from shared.web.languages import LOCALES


def form_for(html: str, action: str, **given: str) -> Form:
    found = [
        form
        for form in forms_of(html)
        if form.action == action and given.items() <= form.given.items()
    ]
    assert found, f"no form for {action}"
    return found[0]


def page(template: str, locale: str, **context: Any) -> str:
    given = {"token": "t", "my_page": "", **context}
    return bytes(PAGES.render(template, locale, **given).body).decode()


NO_PROPOSAL = {"ground": [], "words": {}, "online": False}
MENTORSHIP = {
    "kind": "mentorship",
    "since": "Monday",
    "page": "m",
    **NO_PROPOSAL,
    "other": {"name": "Олена", "email": "olena@example.org"},
    "check_in": "c",
    "next_check_in": "",
    "help_asked": False,
    "agreed": False,
    "affirmed": False,
    "affirmed_by_both": False,
    "meeting": "",
}
STANDING = {"active": "waiting", "paused": "paused", "withdrawn": "left"}


def my_page(status: str) -> str:
    standing = {"kind": STANDING[status], "since": "", "why": "", "helps": [], "pause": ""}
    return page(
        "my_page.html",
        "da",
        name="Åse",
        reminders=True,
        role="mentee",
        standing=status,
        items=[MENTORSHIP, standing],
        every_days=7,
        to_affirm=None,
        coordinators=[],
        takes_part=status != "withdrawn",
        is_active=status == "active",
        said="",
    )


@pytest.mark.parametrize("locale", LOCALES)
def test_the_pages_hold_what_people_fill_in(locale: str) -> None:
    reasons = [reason.value for reason in DeclineReason]
    answer = page("answer.html", locale, answer="t", proposal=NO_PROPOSAL, role="mentee")
    yes = form_for(answer, "/matching/answers", says_yes="yes")
    assert yes.filled({}) == {"token": "t", "says_yes": "yes"}
    no = form_for(answer, "/matching/answers", says_yes="no")
    for reason in reasons:
        assert no.filled({"reason": reason})["reason"] == reason
    check_in = page("check_in.html", locale)
    said = {"going": "well", "next_step": "Vi øver os.", "meeting_again": "yes"}
    form = form_for(check_in, "/followup/check-ins/answers")
    assert form.filled(said) == {"token": "t", **said}
    assert form_for(check_in, "/followup/help").filled({"text": "ой"})["text"] == "ой"
    assert form_for(page("confirm.html", locale), "/intake/confirm").filled({}) == {"token": "t"}


@pytest.mark.parametrize(
    ("status", "steps"),
    [
        ("active", {"pause", "export", "reminders", "leave", "erase"}),
        ("paused", {"resume", "export", "reminders", "leave", "erase"}),
        ("withdrawn", {"resume", "export", "reminders", "erase"}),
    ],
)
def test_her_page_offers_the_steps_that_she_can_take(status: str, steps: set[str]) -> None:
    html = my_page(status)
    offered = {form.action.rpartition("/")[2] for form in forms_of(html) if "/me/" in form.action}
    assert offered == steps
    close = form_for(html, "/followup/close")
    assert "goals_reached" in (close.choices["reason"] or [])
    assert len(close.choices["reason"] or []) == 2


def test_a_link_that_has_expired_leads_to_a_form_for_a_new_one() -> None:
    html = page("said.html", "en", what="", refusal="This link has expired.", needs_link=True)
    assert form_for(html, "/intake/link").filled({"email": "her@example.org"})


def test_nobody_can_choose_what_is_not_offered() -> None:
    form = Form("/x", {}, {"going": ["well"], "text": None})
    with pytest.raises(NotOnTheForm, match="no field 'gone'"):
        form.filled({"gone": "well"})
    with pytest.raises(NotOnTheForm, match="offers"):
        form.filled({"going": "badly"})
    assert form.filled({"text": "anything"}) == {"text": "anything"}
