"""No message labels anybody, blames her or turns her away, in any language."""

import re
import unicodedata
from functools import cache

import pytest
import yaml

from services.notifications.letters.written import HERE, speaker, write_letter
from shared.web.languages import LOCALES
from tests.unit.notifications import builders as a
from tests.unit.notifications.test_letters import texts_of

STEMS: dict[str, list[str]] = yaml.safe_load(
    (HERE / "words_to_avoid.yaml").read_text(encoding="utf-8")
)
CASES = [(locale, stem) for locale, stems in STEMS.items() for stem in stems]
JOINED_BEFORE = {"ar": "[وف]?[بلك]?(?:ال|لل)?"}


def bare(text: str) -> str:
    """Without case, and without vowel marks, which Arabic writes or leaves out as it likes."""
    composed = unicodedata.normalize("NFC", text.casefold())
    return "".join(letter for letter in composed if unicodedata.category(letter) != "Mn")


@cache
def pattern(locale: str) -> re.Pattern[str]:
    stems = "|".join(re.escape(bare(stem)) for stem in STEMS[locale])
    return re.compile(rf"(?<!\w){JOINED_BEFORE.get(locale, '')}(?:{stems})\w*")


def labels_in(text: str, locale: str) -> list[str]:
    return pattern(locale).findall(bare(text))


@pytest.mark.parametrize("locale", LOCALES)
def test_no_letter_contains_a_word_to_avoid(locale: str) -> None:
    for one in a.every_event():
        for message in a.messages_for(one):
            letter, _ = write_letter(message, a.addressed(locale=locale), a.LETTERHEAD)
            for text in texts_of(letter):
                assert labels_in(text, locale) == [], f"{message.kind} in {locale}: {text}"


@pytest.mark.parametrize("locale", LOCALES)
def test_no_text_of_a_catalogue_contains_a_word_to_avoid(locale: str) -> None:
    catalogue = speaker(locale)._translations._catalog  # type: ignore[attr-defined]
    texts = [text for key, text in catalogue.items() if key]

    assert len(texts) > 190
    for text in texts:
        assert labels_in(text, locale) == [], text


@pytest.mark.parametrize(("locale", "stem"), CASES)
def test_each_stem_would_be_found(locale: str, stem: str) -> None:
    assert labels_in(f"… {stem}…", locale)
    assert labels_in(f"… {stem.upper()}ab.", locale)


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("en", "We had to reject your application."),
        ("da", "Vi har desværre givet dig afslag."),
        ("ar", "تم رَفْض طلبكِ"),
        ("ar", "هذه هي المشكلة"),
        ("ar", "وللاجئين"),
        ("uk", "Вашу заявку відхилено"),
    ],
)
def test_a_sentence_with_such_a_word_is_caught(locale: str, text: str) -> None:
    assert labels_in(text, locale)


@pytest.mark.parametrize(
    ("locale", "text"),
    [
        ("da", "Undskyld, at vi skriver igen: her er vores tilbud."),
        ("ar", "شكرًا على هذه المعلومات"),
        ("uk", "Ви повинні знати"),
    ],
)
def test_other_words_that_only_contain_the_letters_are_not(locale: str, text: str) -> None:
    assert labels_in(text, locale) == []


def test_there_are_at_least_twenty_stems_for_each_language() -> None:
    assert set(STEMS) == set(LOCALES)
    assert all(len(set(stems)) >= 20 for stems in STEMS.values())
