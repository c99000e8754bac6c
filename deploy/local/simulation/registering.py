"""Somebody registers at the pages, one step at a time, as a browser without script would."""

from collections.abc import Mapping
from typing import Any, Final

from deploy.local.simulation.browser import Answer, Browser
from deploy.local.simulation.chance import name_of
from deploy.local.simulation.forms import Form
from services.intake.domain.tables import load_tables
from shared.errors import CommonGroundError

_NEXT: Final = "/intake/register"
_SEND: Final = "/intake/register/send"
_MOST_STEPS: Final = 12
_LANGUAGES: Final = 3


class NotAccepted(CommonGroundError):
    """The platform did not take what everything else builds on."""


async def register_at_the_pages(
    browser: Browser, programme_id: str, person: Mapping[str, Any]
) -> None:
    """Goes through all steps. person: as the web's registration takes her. Raises `NotAccepted`."""
    key = name_of("register", person["role"], person["email"])
    answers = _answers(person)
    page = await browser.open(f"{_NEXT}?role={person['role']}&programme={programme_id}")
    for step in range(_MOST_STEPS):
        form = page.form_for(_NEXT)
        if form is None:
            raise NotAccepted(f"{_NEXT}: there is no form on its page at step {step + 1}.")
        is_last = form.given["step"] == "check"
        chosen = _chosen(form, answers)
        sent = [*form.filled_with_several(chosen), ("go", "next")]
        where = _SEND if is_last else form.url
        page = await browser.ask("POST", where, key=f"{key}-{step}", data=sent)
        _must_be_done(page, where)
        if is_last:
            return
    raise NotAccepted(f"{_NEXT}: it did not come to an end in {_MOST_STEPS} steps.")


def _chosen(form: Form, answers: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """What she fills in on this page: of what she wants, what it offers.

    A language that few speak is not in its list; then her next one comes first.
    """
    chosen: dict[str, list[str]] = {}
    for name, offered in form.choices.items():
        if name in answers:
            wanted = answers[name]
            chosen[name] = wanted if offered is None else [w for w in wanted if w in offered]
    spoken = [
        code for code in answers["languages"] if code in (form.choices.get("language_1") or ())
    ]
    for number, code in enumerate(spoken[:_LANGUAGES], 1):
        chosen[f"language_{number}"] = [code]
    return chosen


def _answers(person: Mapping[str, Any]) -> dict[str, list[str]]:
    """What she wants to say, by field; she writes her profession as a title."""
    tables = load_tables()
    single = {
        "goals": person["goals"],
        "request": person["request"],
        "story": person["story"],
        "profession": tables.occupations.names.get(person["profession"] or "", ""),
        "education_level": str(person["education_level"]),
        "city": person["city"],
        "meets_online": "yes" if person["meets_online"] else "",
        "seats": str(person["seats"]),
        "name": person["name"],
        "email": person["email"],
        "locale": person["locale"],
        "charter": person["charter"],
    }
    known = {
        "languages": tables.languages,
        "kinds_of_help": tables.kinds_of_help,
        "availability": tables.times_of_week,
    }
    return {
        **{name: [value] for name, value in single.items() if value},
        **{
            name: [code for word in person[name] if (code := vocabulary.find(word)) is not None]
            for name, vocabulary in known.items()
        },
        "interests": person["interests"],
        "topics": person["topics"],
        "shows": ["story"],
    }


def _must_be_done(page: Answer, where: str) -> None:
    if not page.is_done:
        raise NotAccepted(f"{where} answered {page.status}: {page.text[:500]}")
