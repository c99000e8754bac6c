"""The one page frame: language and direction set, readable on a phone, no script, strict CSP.

Every page can be had in another language: by a link if it was asked for with GET, by a form that sends
the same fields again if it answers one, so that what a form carries never gets into an address.
"""

import base64
import gettext
import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from shared.web.languages import LOCALES, direction, with_shared_words

_TEMPLATES: Final = Path(__file__).parent / "templates"
_STYLE: Final = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
NAMES: Final = {"en": "English", "da": "Dansk", "ar": "العربية", "uk": "Українська"}
"""Each language as its own speakers call it."""
_POLICY: Final = (
    "default-src 'none'; style-src 'sha256-{style}'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_WITH_SCRIPT: Final = f"{_POLICY}; script-src 'self'; connect-src 'self'"

Fields = Iterable[tuple[str, str]]


class Pages:
    """Renders one service's templates inside the shared frame.

    `folder` holds the service's `templates/` and `catalogues/`; what the catalogue lacks is looked up
    in the shared one. In templates `_()` translates, `ngettext()` chooses the plural form, `to(path,
    **query)` makes an address that keeps the language, and `|own_words` shows what somebody wrote,
    byte for byte.

    `locales=("en",)`: pages in English only, which need no catalogues. `style` comes behind the frame's
    own. `has_script`: the pages bring a module of this origin.
    """

    def __init__(
        self,
        folder: Path,
        *,
        locales: Sequence[str] = LOCALES,
        style: str = "",
        has_script: bool = False,
    ) -> None:
        self._catalogues = folder / "catalogues"
        self._style = Markup(_STYLE + style)  # noqa: S704  (our own files)
        digest = base64.b64encode(hashlib.sha256(self._style.encode()).digest()).decode()
        self._policy = (_WITH_SCRIPT if has_script else _POLICY).format(style=digest)
        self._environments = {
            locale: self._environment(folder / "templates", locale) for locale in locales
        }

    def render(
        self,
        template: str,
        locale: str,
        *,
        status: int = 200,
        request: Request | None = None,
        sent: Fields = (),
        **context: Any,
    ) -> HTMLResponse:
        """A page. Every value in `context` is escaped.

        request: what it answers; then it can be had in the other languages. sent: the fields of the
        form that it answers.
        """
        environment = self._environments[locale]
        again = list(sent)
        html = environment.get_template(template).render(
            lang=locale,
            dir=direction(locale),
            names=NAMES,
            style=self._style,
            switch=_switch(request, again, locale),
            sent_again=again,
            **context,
        )
        return HTMLResponse(html, status, headers={"Content-Security-Policy": self._policy})

    def part(self, template: str, locale: str, **context: Any) -> str:
        """A part of a page, to be put into one that is open. Every value in `context` is escaped."""
        return self._environments[locale].get_template(template).render(**context)

    def translate(self, locale: str) -> Callable[[str], str]:
        """What translates a sentence of this service."""
        return with_shared_words(self._catalogues, locale).gettext

    def _environment(self, templates: Path, locale: str) -> Environment:
        environment = Environment(
            loader=FileSystemLoader([templates, _TEMPLATES]),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        environment.install_gettext_translations(  # type: ignore[attr-defined]
            with_shared_words(self._catalogues, locale)
            if self._catalogues.exists()
            else gettext.NullTranslations(),
            newstyle=True,
        )

        def to(path: str, **query: object) -> str:
            """An address of ours, in this page's language."""
            given = {name: value for name, value in query.items() if value not in (None, "")}
            return f"{path}?{urlencode({**given, 'lang': locale})}"

        environment.globals["to"] = to
        environment.filters["own_words"] = own_words
        return environment


def own_words(text: str) -> Markup:
    """Somebody's own words, so that the page's text is what she wrote, byte for byte.

    HTML would make a line feed of a carriage return.
    """
    return Markup(str(escape(text)).replace("\r", "&#13;"))  # noqa: S704  (escaped just before)


def _switch(
    request: Request | None, sent: Sequence[tuple[str, str]], locale: str
) -> list[dict[str, str]]:
    """The other languages: code, name, and the same page's address in it."""
    if request is None or (request.method != "GET" and not sent):
        return []
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "lang"]
    if request.method != "GET":
        query = [(name, value) for name, value in query if name != "token"]
    return [
        {"code": code, "name": NAMES[code], "address": f"?{urlencode([*query, ('lang', code)])}"}
        for code in LOCALES
        if code != locale
    ]
