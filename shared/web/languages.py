"""Languages of pages and messages: which there are, which way they run, and their catalogues."""

import gettext
import io
from functools import lru_cache
from pathlib import Path
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from fastapi import Request

LOCALES: Final = ("en", "da", "ar", "uk")
_RIGHT_TO_LEFT: Final = frozenset({"ar"})
_ALWAYS: Final = "en"
_SHARED: Final = Path(__file__).parent / "catalogues"


def own_name(code: str) -> str:
    """What a language (ISO 639) calls itself; empty where Unicode's CLDR does not know."""
    try:
        return Locale.parse(code).language_name or ""
    except (UnknownLocaleError, ValueError):
        return ""


def direction(locale: str) -> str:
    """`rtl` or `ltr`."""
    return "rtl" if locale in _RIGHT_TO_LEFT else "ltr"


@lru_cache(maxsize=64)
def catalogue(folder: Path, locale: str) -> gettext.GNUTranslations:
    """The messages of `folder/<locale>/LC_MESSAGES/messages.po`, read straight from the text file.

    Translators edit one file and nothing has to be compiled. Raises `FileNotFoundError`.
    """
    with (folder / locale / "LC_MESSAGES" / "messages.po").open("rb") as file:
        messages = read_po(file, locale=locale)
    compiled = io.BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


@lru_cache(maxsize=64)
def with_shared_words(folder: Path, locale: str) -> gettext.GNUTranslations:
    """A service's messages, and behind them the words that all pages and letters share."""
    own = catalogue.__wrapped__(folder, locale)
    own.add_fallback(catalogue(_SHARED, locale))
    return own


def negotiate(request: Request) -> str:
    """The language for a page: `?lang=`, else the browser's first that we have, else English."""
    asked = request.query_params.get("lang", "")
    if asked in LOCALES:
        return asked
    wanted: list[tuple[float, str]] = []
    for part in request.headers.get("accept-language", "").split(","):
        tag, _, weight = part.strip().partition(";q=")
        language = tag.split("-")[0].lower()
        if language in LOCALES:
            wanted.append((_weight(weight), language))
    return max(wanted, key=lambda choice: choice[0])[1] if wanted else _ALWAYS


def _weight(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0
