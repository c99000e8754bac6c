"""The words to avoid: each is found, and only they are; and no page has one."""

from pathlib import Path

import pytest

from shared.web.languages import LOCALES
from shared.web.plain_words import faults, labels_in, stems

CASES = [(locale, stem) for locale, listed in stems().items() for stem in listed]


@pytest.mark.parametrize("folder", ["intake", "matching", "notifications", "followup"])
def test_no_page_and_no_catalogue_of_a_service_contains_one(folder: str) -> None:
    assert list(faults(Path("services") / folder)) == []


def test_one_in_a_template_and_one_in_a_catalogue_are_told_with_their_place(tmp_path: Path) -> None:
    page = tmp_path / "templates" / "page.html"
    page.parent.mkdir()
    page.write_text(
        '<p class="refugee">{{ refugee }} {{ _("You were rejected.") }} A victim.</p>',
        encoding="utf-8",
    )
    catalogue = tmp_path / "catalogues" / "da" / "LC_MESSAGES" / "messages.po"
    catalogue.parent.mkdir(parents=True)
    catalogue.write_text(
        'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n'
        '"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
        'msgid "{n} of you"\nmsgid_plural "{n} of you"\n'
        'msgstr[0] "{n} af jer"\nmsgstr[1] "{n} stakler af jer, flygtninge"\n',
        encoding="utf-8",
    )
    told = list(faults(tmp_path))
    assert len(told) == 3
    assert any("'rejected'" in one and "page.html" in one for one in told)
    assert any("'victim'" in one for one in told)
    assert any("'flygtninge'" in one and "messages.po" in one for one in told)


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
    assert set(stems()) == set(LOCALES)
    assert all(len(set(stems)) >= 20 for stems in stems().values())
