"""The one page frame: language and direction set, readable on a phone, no script, strict CSP."""

import gettext
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from shared.web.languages import LOCALES, catalogue, direction

_TEMPLATES: Final = Path(__file__).parent / "templates"
_STYLE: Final = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
_NAMES: Final = {"en": "English", "da": "Dansk", "ar": "العربية", "uk": "Українська"}
_POLICY: Final = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_WITH_SCRIPT: Final = f"{_POLICY}; script-src 'self'; connect-src 'self'"


class Pages:
    """Renders one service's templates inside the shared frame.

    `folder` holds the service's `templates/` and `catalogues/`. In templates `_()` translates and
    `ngettext()` chooses the plural form.

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
        self._policy = _WITH_SCRIPT if has_script else _POLICY
        self._environments = {
            locale: self._environment(folder / "templates", locale) for locale in locales
        }

    def render(
        self, template: str, locale: str, *, status: int = 200, **context: Any
    ) -> HTMLResponse:
        """A page. Every value in `context` is escaped."""
        environment = self._environments[locale]
        html = environment.get_template(template).render(
            lang=locale,
            dir=direction(locale),
            languages=_NAMES,
            style=self._style,
            **context,
        )
        return HTMLResponse(html, status, headers={"Content-Security-Policy": self._policy})

    def part(self, template: str, locale: str, **context: Any) -> str:
        """A part of a page, to be put into one that is open. Every value in `context` is escaped."""
        return self._environments[locale].get_template(template).render(**context)

    def _environment(self, templates: Path, locale: str) -> Environment:
        environment = Environment(
            loader=FileSystemLoader([templates, _TEMPLATES]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
        )
        environment.install_gettext_translations(  # type: ignore[attr-defined]
            catalogue(self._catalogues, locale)
            if self._catalogues.exists()
            else gettext.NullTranslations(),
            newstyle=True,
        )
        return environment
