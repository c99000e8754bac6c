"""Every catalogue of every service: whole, in all plural forms, up to date, and honest about its maker."""

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from shared.web.languages import LOCALES
from shared.web.languages import catalogue as spoken
from shared.web.plain_words import forms_of

PLURAL_FORMS = {"en": 2, "da": 2, "ar": 6, "uk": 3}
NUMBERS = {
    "en": ((1,), (0, 2, 11, 21, 100)),
    "da": ((1,), (0, 2, 11, 21, 100)),
    "ar": ((0,), (1,), (2,), (3, 10, 103, 110), (11, 26, 99, 111), (100, 101, 102, 200)),
    "uk": ((1, 21, 101), (2, 4, 22, 104), (0, 5, 11, 12, 14, 20, 25, 100, 111)),
}
"""By language, for each plural form in its order, numbers that take it."""
FILES = sorted(
    path
    for home in ("services", "shared")
    for path in Path(home).glob("**/catalogues/*/LC_MESSAGES/messages.po")
)
FOLDERS = sorted({path.parents[2] for path in FILES})
IDS = ["/".join(path.parts[1:-2]) for path in FILES]
NOT_ENGLISH = [path for path in FILES if path.parents[1].name != "en"]
PLACES = re.compile(r"{\w+}|%\(\w+\)[sd]")
METHODS = [("**.html", "jinja2"), ("**.py", "python")]
KEYWORDS = {
    "_": None, "gettext": None, "ngettext": (1, 2), "N_": None, "say": None, "counted": (1, 2)
}  # fmt: skip
SHARED = Path("shared/web/catalogues")


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        catalogue = read_po(file, locale=path.parents[1].name)
    if not any(any(forms_of(message.string)) for message in catalogue if message.id):
        pytest.skip(f"{path} has been begun, and no text of it is translated yet")
    return catalogue


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_every_language_has_a_catalogue(folder: Path) -> None:
    assert {path.name for path in folder.iterdir() if path.is_dir()} == set(LOCALES)


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_every_text_is_translated_in_every_plural_form_and_none_is_a_guess(path: Path) -> None:
    forms = PLURAL_FORMS[path.parents[1].name]
    catalogue = read(path)
    assert catalogue.num_plurals == forms
    for message in catalogue:
        if not message.id:
            continue
        assert not message.fuzzy, message.id
        texts = forms_of(message.string)
        assert len(texts) == (forms if message.pluralizable else 1), message.id
        assert all(texts), message.id


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_what_is_put_into_a_text_has_its_place_in_every_language(path: Path) -> None:
    for message in read(path):
        ids = forms_of(message.id)
        texts = forms_of(message.string)
        allowed = {place for text in ids for place in PLACES.findall(text)}
        for text in texts if message.id else ():
            found = set(PLACES.findall(text))
            missing = allowed - found
            assert found <= allowed, text
            # 'one day' and 'two days' are words in Arabic, without a number.
            assert not missing or (message.pluralizable and missing <= {"{n}", "%(num)d"}), text


@pytest.mark.parametrize("path", NOT_ENGLISH, ids=str)
def test_a_machines_translation_says_so_until_a_native_has_read_it(path: Path) -> None:
    catalogue = read(path)
    assert "awaits a native reader" in catalogue.header_comment
    assert "awaits a native reader" in str(catalogue.last_translator)


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_each_number_takes_the_form_that_its_language_has_for_it(path: Path) -> None:
    locale = path.parents[1].name
    words = spoken(path.parents[2], locale)
    assert len(NUMBERS[locale]) == PLURAL_FORMS[locale]
    for message in read(path):
        if not message.pluralizable:
            continue
        singular, plural = forms_of(message.id)
        for form, numbers in zip(forms_of(message.string), NUMBERS[locale], strict=True):
            for number in numbers:
                assert words.ngettext(singular, plural, number) == form


def ids_of(path: Path) -> set[str]:
    """The texts of a catalogue, by their singular."""
    return {forms_of(message.id)[0] for message in read(path) if message.id}


def texts_of(folder: Path) -> set[str]:
    """What templates and code beside a catalogue say, without what has a catalogue of its own."""
    home = folder.parent
    others = [other.parent for other in FOLDERS if home in other.parent.parents]
    found = extract_from_dir(
        str(home), METHODS, options_map={"**.html": {"silent": "false"}}, keywords=KEYWORDS
    )
    return {
        text if isinstance(text, str) else text[0]
        for name, _, text, _, _ in found
        if not any((home / name).is_relative_to(other) for other in others)
    }


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_nothing_is_said_that_the_catalogues_lack(folder: Path) -> None:
    said = texts_of(folder)
    assert said
    for locale in LOCALES:
        file = Path(locale) / "LC_MESSAGES" / "messages.po"
        assert said <= ids_of(folder / file) | ids_of(SHARED / file), locale
