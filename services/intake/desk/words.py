"""Codes in the words of whoever sits at the desk: places, languages, occupations, times."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_timedelta

from services.intake.domain.programme import Programme
from services.intake.domain.tables import Tables
from shared.web import words as profile


@dataclass(frozen=True, slots=True)
class Words:
    """For one page."""

    locale: str
    programme: Programme
    tables: Tables

    def city(self, code: str | None) -> str:
        """A municipality's name."""
        names = {city.code: city.name for city in self.programme.cities}
        return names.get(code or "", code or "–")

    def languages(self, codes: Iterable[str]) -> str:
        """Languages, the most comfortable first."""
        names = Locale.parse(self.locale).languages
        return ", ".join(names.get(code, code) for code in codes)

    def profession(self, code: str | None) -> str:
        """An occupation's title, which the tables know in English."""
        return self.tables.occupations.names.get(code or "", code or "–")

    def kinds_of_help(self, codes: Iterable[str]) -> list[str]:
        """Msgids of kinds of help."""
        return [profile.KINDS_OF_HELP.get(code, code) for code in codes]

    def times(self, codes: Iterable[str]) -> list[str]:
        """Msgids of times of the week."""
        return [profile.TIMES.get(code, code) for code in codes]

    def day(self, at: datetime | None) -> str:
        """A date in the programme's time zone."""
        if at is None:
            return "–"
        local = at.astimezone(ZoneInfo(self.programme.time_zone))
        return format_date(local.date(), "medium", locale=self.locale)

    def instant(self, at: datetime) -> str:
        """Date and time in the programme's time zone."""
        zone = ZoneInfo(self.programme.time_zone)
        return format_datetime(at.astimezone(zone), "short", tzinfo=zone, locale=self.locale)

    def since(self, at: datetime | None, now: datetime) -> str:
        """How long ago, as in '3 weeks'."""
        if at is None:
            return "–"
        return format_timedelta(now - at, granularity="day", threshold=1.3, locale=self.locale)
