"""No message labels anybody, blames her or turns her away, in any language."""

import pytest

from services.notifications.letters.written import write_letter
from shared.web.languages import LOCALES
from shared.web.plain_words import labels_in
from tests.unit.notifications import builders as a
from tests.unit.notifications.test_letters import texts_of


@pytest.mark.parametrize("locale", LOCALES)
def test_no_letter_contains_a_word_to_avoid(locale: str) -> None:
    for one in a.every_event():
        for message in a.messages_for(one):
            letter, _ = write_letter(message, a.addressed(locale=locale), a.LETTERHEAD)
            for text in texts_of(letter):
                assert labels_in(text, locale) == [], f"{message.kind} in {locale}: {text}"
