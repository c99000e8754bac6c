"""The forms that simulated people send, read from the pages that intake really shows."""

import pytest

from deploy.local.simulation.forms import Form, NotOnTheForm, forms_of
from services.intake.api.pages import refuse, show
from shared.events.matches import DeclineReason
from shared.security.links import LinkRefused
from shared.web.languages import LOCALES


def form_for(html: str, action: str, **given: str) -> Form:
    found = [
        form
        for form in forms_of(html)
        if form.action == action and given.items() <= form.given.items()
    ]
    assert found, f"no form for {action}"
    return found[0]


def page(template: str, locale: str, **context: object) -> str:
    return bytes(show(template, locale, token="t", **context).body).decode()


@pytest.mark.parametrize("locale", LOCALES)
def test_the_pages_hold_what_people_fill_in(locale: str) -> None:
    reasons = [reason.value for reason in DeclineReason]
    answer = page("answer.html", locale, reasons=reasons)
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
    html = page(
        "my_page.html",
        "da",
        name="Åse",
        standing=status,
        has_match=True,
        to_affirm=[],
        reminders=True,
    )
    offered = {form.action.rpartition("/")[2] for form in forms_of(html) if "/me/" in form.action}
    assert offered == steps
    close = form_for(html, "/followup/close")
    assert "goals_reached" in (close.choices["reason"] or [])
    assert len(close.choices["reason"] or []) == 2


def test_a_link_that_has_expired_leads_to_a_form_for_a_new_one() -> None:
    html = bytes(refuse("en", LinkRefused("This link has expired.")).body).decode()
    assert form_for(html, "/intake/link").filled({"email": "her@example.org"})


def test_nobody_can_choose_what_is_not_offered() -> None:
    form = Form("/x", {}, {"going": ["well"], "text": None})
    with pytest.raises(NotOnTheForm, match="no field 'gone'"):
        form.filled({"gone": "well"})
    with pytest.raises(NotOnTheForm, match="offers"):
        form.filled({"going": "badly"})
    assert form.filled({"text": "anything"}) == {"text": "anything"}
