"""Every sentence of the pages is there in every language, and none is about being turned away."""

from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po

import services.intake
from services.intake.domain import refusals
from shared.clock import SystemClock
from shared.decisions import Refusal
from shared.security.links import LinkRefused, Links, Purpose
from shared.web.languages import LOCALES
from shared.web.plain_words import labels_in

FOLDER = Path(services.intake.__file__).parent
SHARED = Path("shared/web")
_JINJA = {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
SHOWN_ON_PAGES = (
    refusals.NobodyHere,
    refusals.Forgotten,
    refusals.HasLeft,
    refusals.ConfirmFirst,
    refusals.NotYetInThePool,
    refusals.NoSuchProgramme,
    refusals.CharterNotInForce,
    refusals.ChangedMeanwhile,
    refusals.ProposalOver,
)


def catalogue(locale: str, folder: Path = FOLDER) -> Catalog:
    with (folder / "catalogues" / locale / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=locale)


def in_templates(folder: Path) -> set[str]:
    found = set()
    for path in (folder / "templates").glob("*.html"):
        with path.open("rb") as file:
            keywords = {"_": None, "ngettext": (1, 2)}
            for _, message, _, _ in extract("jinja2.ext:babel_extract", file, keywords, (), _JINJA):
                found.add(message if isinstance(message, str) else message[0])
    return found


def in_code(*paths: Path) -> set[str]:
    found = set()
    for path in paths:
        with path.open("rb") as file:
            found |= {
                message
                for _, message, _, _ in extract("python", file, {"N_": None})
                if isinstance(message, str)
            }
    return found


def sentences() -> set[str]:
    found = in_templates(FOLDER) | in_code(*(FOLDER / "api").glob("*.py"))
    return (found | {_default(kind) for kind in SHOWN_ON_PAGES} | _of_links()) - of_all_pages()


def of_all_pages() -> set[str]:
    return in_templates(SHARED) | in_code(SHARED / "words.py")


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


def translated(messages: Catalog) -> set[str]:
    """Those with a translation for each plural form that the language has."""
    found = set()
    for message in messages:
        many = isinstance(message.id, tuple)
        forms = list(message.string or ()) if many else [message.string]
        if message.id and all(forms) and (not many or len(forms) == messages.num_plurals):
            found.add(message.id[0] if isinstance(message.id, tuple) else str(message.id))
    return found


@pytest.mark.parametrize("locale", LOCALES)
def test_every_sentence_is_translated_and_none_is_left_over(locale: str) -> None:
    assert translated(catalogue(locale)) == sentences()
    assert translated(catalogue(locale, SHARED)) == of_all_pages()


@pytest.mark.parametrize("locale", LOCALES)
def test_no_sentence_is_about_being_turned_away(locale: str) -> None:
    for message in catalogue(locale):
        assert labels_in(str(message.string), locale) == []


@pytest.mark.parametrize("locale", [locale for locale in LOCALES if locale != "en"])
def test_a_machines_translation_says_so(locale: str) -> None:
    assert "awaits a native reader" in catalogue(locale).header_comment
