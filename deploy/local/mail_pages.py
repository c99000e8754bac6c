"""The pages of the local mail server: who got mail, what one person got, one message.

Everything in a message is foreign: it is escaped, or, for the HTML part, shown in a sandboxed frame
under a policy of its own. No scripts anywhere. Links begin with the prefix under which the origin
serves these pages (`X-Forwarded-Prefix`, which the origin always sets itself).
"""

import re
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from deploy.local.mailbox import MailStore, StoredMessage

TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_SHOWN_AT_MOST: Final = 200
_PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'self'; frame-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_MESSAGE_POLICY: Final = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_PREFIX: Final = re.compile(r"(/[A-Za-z0-9_-]+)+")
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_LINK: Final = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)\]]")
_RIGHT_TO_LEFT: Final = frozenset(
    {"ar", "arc", "ckb", "dv", "fa", "he", "ku-arab", "ps", "sd", "ug", "ur", "yi"}
)


def direction(language: str) -> str:
    """`rtl` or `ltr` for a language tag; `auto`, decided by the text itself, for none."""
    tag = language.lower()
    if not tag:
        return "auto"
    parts = tag.split("-")
    right_to_left = tag in _RIGHT_TO_LEFT or parts[0] in _RIGHT_TO_LEFT or "arab" in parts[1:]
    return "rtl" if right_to_left and "latn" not in parts[1:] else "ltr"


def mail_routes(store: MailStore) -> list[Route]:
    """The routes of the pages over one store."""

    async def people(request: Request) -> Response:
        wanted = request.query_params.get("q", "").strip()
        rows: dict[str, tuple[int, StoredMessage]] = {}
        for _, message in store.index:
            if wanted.casefold() in message.to.casefold():
                count, _last = rows.pop(message.to, (0, message))
                rows[message.to] = (count + 1, message)
        newest = list(reversed(rows.items()))
        return _page(
            request, "people.html",
            rows=newest[:_SHOWN_AT_MOST], found=len(newest), messages=len(store.index), q=wanted,
        )  # fmt: skip

    async def person(request: Request) -> Response:
        address = unquote(request.path_params["address"])
        found = [message for _, message in reversed(store.index) if message.to == address]
        if not found:
            return _page(request, "none.html", status=404, what=f"mail for {address}")
        return _page(
            request, "person.html",
            address=address, messages=found[:_SHOWN_AT_MOST], found=len(found),
        )  # fmt: skip

    async def message(request: Request) -> Response:
        stored = store.read(int(request.path_params["number"]))
        if stored is None:
            return _page(request, "none.html", status=404, what="message with this number")
        language = _language(stored)
        return _page(
            request, "message.html",
            message=stored, language=language, dir=direction(language),
            text=_linked(stored.text), links=_links(stored.html),
        )  # fmt: skip

    async def html_part(request: Request) -> Response:
        stored = store.read(int(request.path_params["number"]))
        if stored is None or not stored.html:
            return _page(request, "none.html", status=404, what="HTML part with this number")
        return HTMLResponse(_document(stored), headers=_headers(_MESSAGE_POLICY))

    async def style(_request: Request) -> Response:
        css = Path(__file__).with_name("templates") / "mail.css"
        return Response(css.read_text(encoding="utf-8"), media_type="text/css")

    return [
        Route("/", people),
        Route("/mail.css", style),
        Route("/to/{address:path}", person),
        Route("/messages/{number:int}", message),
        Route("/messages/{number:int}/html", html_part),
    ]


def _page(request: Request, template: str, *, status: int = 200, **values: object) -> Response:
    prefix = request.headers.get("x-forwarded-prefix", "")
    if not _PREFIX.fullmatch(prefix):
        prefix = ""
    page = TEMPLATES.get_template(template).render(prefix=prefix, quote=_quoted, **values)
    return HTMLResponse(page, status_code=status, headers=_headers(_PAGE_POLICY))


def _quoted(text: str) -> str:
    return quote(text, safe="@")


def _headers(policy: str) -> dict[str, str]:
    return {
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
    }


def _language(message: StoredMessage) -> str:
    language = message.headers.get("content-language", "").strip()
    return language if _LANGUAGE.fullmatch(language) else ""


def _document(message: StoredMessage) -> str:
    """The HTML part as a document. A mere fragment gets a frame that knows language and direction."""
    if "<html" in message.html.lower():
        return message.html
    language = _language(message)
    return (
        f'<!doctype html><html lang="{language}" dir="{direction(language)}"><meta charset="utf-8">'
        f"<title>{escape(message.subject)}</title><body>{message.html}</body></html>"
    )


def _linked(text: str) -> Markup:
    """The text, escaped, with its addresses on the web made into links."""
    done, parts = 0, []
    for found in _LINK.finditer(text):
        parts.append(escape(text[done : found.start()]))
        parts.append(
            f'<a href="{escape(found[0])}" rel="noopener noreferrer">{escape(found[0])}</a>'
        )
        done = found.end()
    parts.append(escape(text[done:]))
    return Markup("".join(parts))  # noqa: S704 - every part was escaped above


class _Links(HTMLParser):
    """Collects the links of a document with their words: in the sandbox they cannot be followed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, str]] = []
        self._href = ""
        self._words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._href, self._words = dict(attrs).get("href") or "", []

    def handle_data(self, data: str) -> None:
        self._words.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._href.startswith(("http://", "https://")):
            self.found.append((self._href, " ".join("".join(self._words).split()) or self._href))
            self._href = ""


def _links(html: str) -> list[tuple[str, str]]:
    parser = _Links()
    parser.feed(html)
    return parser.found
