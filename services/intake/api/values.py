"""Values that the bodies of requests are checked with."""

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, Field

from shared.web.languages import LOCALES


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("This is no IANA time zone, as in 'Europe/Copenhagen'.") from None
    return name


def _known_locale(name: str) -> str:
    if name not in LOCALES:
        raise ValueError(f"Messages are written in {', '.join(LOCALES)}. Choose one of them.")
    return name


def _text(text: str) -> str:
    if "\0" in text:
        raise ValueError("There is a character in here that is no text (NUL).")
    return text


def normal_address(text: str) -> str | None:
    """Lower-case, its domain in ASCII, as in a `Registration`; None if it is no address."""
    try:
        address = validate_email(text.strip(), check_deliverability=False)
    except EmailNotValidError:
        return None
    return f"{address.local_part}@{address.ascii_domain}".lower()


def _address(text: str) -> str:
    address = normal_address(text)
    if address is None:
        raise ValueError("This is not an e-mail address, as in name@example.org.")
    return address


TimeZone = Annotated[str, Field(max_length=64), AfterValidator(_known_zone)]
Locale = Annotated[str, AfterValidator(_known_locale)]
EmailAddress = Annotated[str, Field(max_length=254), AfterValidator(_address)]
Id = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9._-]*$")]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Word = Annotated[str, Field(max_length=200), AfterValidator(_text)]
Words = Annotated[list[Word], Field(max_length=40)]
OwnText = Annotated[str, Field(max_length=20_000), AfterValidator(_text)]
"""Long enough for a life's story; a bound, so that nobody fills the database."""

PlainText = Annotated[str, Field(min_length=1, max_length=10_000), AfterValidator(_text)]
"""A text that operators write, a charter for instance."""
