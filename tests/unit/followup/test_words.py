"""The words of followup's pages: all there, in all languages."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from services.followup.domain import refusals
from shared.decisions import Refusal
from shared.web.frame import Pages
from shared.web.languages import LOCALES, catalogue

FOLDER = Path("services/followup")
PAGES = [
    *(("thanks.html", {"thanks": kind}) for kind in ("answered", "help", "closed", "extended")),
    ("refused.html", {"detail": "This link has expired. Please ask for a new one."}),
    ("refused.html", {"detail": "This link does not work here. Please use the newest message."}),
    ("incomplete.html", {}),
]
REFUSALS = [
    value
    for value in vars(refusals).values()
    if isinstance(value, type) and issubclass(value, Refusal) and value is not Refusal
]


def sentence(refusal: type[Refusal]) -> str:
    return str(next(f.default for f in fields(refusal) if f.name == "detail"))


@pytest.mark.parametrize("locale", [locale for locale in LOCALES if locale != "en"])
@pytest.mark.parametrize("refusal", REFUSALS)
def test_every_refusal_is_said_in_her_language(locale: str, refusal: type[Refusal]) -> None:
    words = catalogue(FOLDER / "catalogues", locale).gettext(sentence(refusal))
    assert words != sentence(refusal)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize(("template", "context"), PAGES)
def test_every_page_is_whole_in_every_language(
    locale: str, template: str, context: dict[str, Any]
) -> None:
    def text(locale: str) -> set[str]:
        page = bytes(Pages(FOLDER).render(template, locale, **context).body).decode()
        return {line for line in page.splitlines() if line.startswith(("<p>", "<h1>"))}

    assert text(locale)
    assert locale == "en" or not text(locale) & text("en")
