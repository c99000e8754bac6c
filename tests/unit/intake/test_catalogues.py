"""Every sentence of the pages is there in every language, and none is about being turned away."""

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

import services.intake
from services.intake.domain import refusals
from shared.clock import SystemClock
from shared.decisions import Refusal
from shared.security.links import LinkRefused, Links, Purpose
from shared.web.languages import LOCALES
from shared.web.plain_words import labels_in

FOLDER = Path(services.intake.__file__).parent
FRAME = Path("shared/web/templates/frame.html")
IN_A_TEMPLATE = re.compile(r'_\("([^"]+)"\)')
SHOWN_ON_PAGES = (
    refusals.NobodyHere,
    refusals.Forgotten,
    refusals.HasLeft,
    refusals.ConfirmFirst,
    refusals.NotYetInThePool,
    refusals.NoSuchProgramme,
    refusals.CharterNotInForce,
)


def catalogue(locale: str) -> Catalog:
    with (FOLDER / "catalogues" / locale / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=locale)


def sentences() -> set[str]:
    templates = [*(FOLDER / "templates").glob("*.html"), FOLDER.parents[1] / FRAME]
    found = {text for path in templates for text in IN_A_TEMPLATE.findall(path.read_text("utf-8"))}
    return found | {_default(kind) for kind in SHOWN_ON_PAGES} | _of_links()


def _default(kind: type[Refusal]) -> str:
    return kind().detail  # type: ignore[call-arg]  # each of these has a default


def _of_links() -> set[str]:
    clock = SystemClock()
    links = Links("x", clock)
    expired = Links("x", clock).sign(
        Purpose.MY_PAGE,
        "p",
        programme="p",
        valid_for=-(clock.now() - clock.now().replace(year=2020)),
    )
    read = [links.read(token, Purpose.MY_PAGE) for token in ("?", expired)]
    return {each.detail for each in read if isinstance(each, LinkRefused)}


@pytest.mark.parametrize("locale", LOCALES)
def test_every_sentence_is_translated_and_none_is_left_over(locale: str) -> None:
    translated = {str(message.id) for message in catalogue(locale) if message.id and message.string}
    assert translated == sentences()


@pytest.mark.parametrize("locale", LOCALES)
def test_no_sentence_is_about_being_turned_away(locale: str) -> None:
    for message in catalogue(locale):
        assert labels_in(str(message.string), locale) == []


@pytest.mark.parametrize("locale", [locale for locale in LOCALES if locale != "en"])
def test_a_machines_translation_says_so(locale: str) -> None:
    assert "awaits a native reader" in catalogue(locale).header_comment
