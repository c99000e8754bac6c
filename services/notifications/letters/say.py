"""Words in the reader's language, with what is inserted kept apart from the text around it.

A name may be written in another direction than the sentence it stands in. In HTML every inserted
value is in <bdi>; in plain text it stands between the Unicode marks FIRST STRONG ISOLATE and POP
DIRECTIONAL ISOLATE wherever either of the two runs from right to left.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from gettext import NullTranslations
from typing import Final
from unicodedata import bidirectional

from babel import Locale
from babel.lists import format_list
from markupsafe import Markup

_ISOLATE: Final = "\u2068"
_END_OF_ISOLATE: Final = "\u2069"
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL"})
_LONGEST_NAME: Final = 80
_SPACES_AND_CONTROLS: Final = re.compile(
    r"[\s\x00-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]+"
)
_LOOKS_LIKE_A_LINK: Final = re.compile(r"://|www\.|[/@<>]|\.\w{2,}\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Phrase:
    """A translated text with `{named}` places, and what goes into them."""

    text: str
    values: dict[str, str] = field(default_factory=dict)
    right_to_left: bool = False

    @property
    def plain(self) -> str:
        """For the plain text and the subject."""
        isolated = {
            name: f"{_ISOLATE}{value}{_END_OF_ISOLATE}"
            if self.right_to_left or _runs_right_to_left(value)
            else value
            for name, value in self.values.items()
        }
        return self.text.format(**isolated)

    @property
    def html(self) -> Markup:
        """For HTML, escaped."""
        isolated = {
            name: Markup("<bdi>{}</bdi>").format(value) for name, value in self.values.items()
        }
        return Markup.escape(self.text).format(**isolated)


class Say:
    """Speaks one language. Texts are the English ones of the letters; unknown ones stay English."""

    def __init__(self, locale: str, translations: NullTranslations, *, right_to_left: bool) -> None:
        self.locale = locale
        self._names = Locale.parse(locale)
        self._translations = translations
        self.right_to_left = right_to_left

    def __call__(self, text: str, **values: str) -> Phrase:
        """A sentence."""
        return Phrase(self._translations.gettext(text), values, self.right_to_left)

    def counted(self, singular: str, plural: str, count: int, **values: str) -> Phrase:
        """A sentence about `{n}` things, in the plural form that the language has for that number."""
        text = self._translations.ngettext(singular, plural, count)
        return Phrase(text, {"n": str(count), **values}, self.right_to_left)

    def word(self, text: str) -> str:
        """A word of a table, to stand in a list."""
        return self._translations.gettext(text)

    def listed(self, words: Sequence[str]) -> str:
        """`a, b and c`, as the language writes lists."""
        return format_list(list(words), locale=self._names)

    def language(self, code: str) -> str | None:
        """The name of a language in this one, or None if it has none for it."""
        return self._names.languages.get(code)


def _runs_right_to_left(value: str) -> bool:
    """Whether anything in it is written from right to left."""
    return not value.isascii() and any(bidirectional(letter) in _RIGHT_TO_LEFT for letter in value)


def name_for_letter(name: str) -> str:
    """A name as it may stand in a letter: one line, not too long, and nothing to be clicked on.

    Anybody can type in somebody else's address and a 'name' of her choice, and so have words of hers
    sent to that address. A name that looks like a link is left out.
    """
    clean = _SPACES_AND_CONTROLS.sub(" ", name).strip()
    return "" if _LOOKS_LIKE_A_LINK.search(clean) else clean[:_LONGEST_NAME]
