"""Whose people somebody may see: one programme's, in some of its cities. Deny first: no cities, nobody."""

from dataclasses import dataclass
from typing import Any, Final, Protocol, Self

from shared.errors import SettingsInvalid


class Placed(Protocol):
    """What belongs to a programme and a city; None is a place that nobody knows."""

    @property
    def programme(self) -> str:
        """The programme's id."""

    @property
    def city(self) -> str | None:
        """The city's code."""


@dataclass(frozen=True, slots=True)
class Scope:
    """programme: None is every one. cities: None is every one, empty is none."""

    programme: str | None
    cities: frozenset[str] | None

    @classmethod
    def read(cls, text: str) -> Self:
        """From `programme:461+751`; `programme` alone is all its cities, nothing is everything.

        Raises `SettingsInvalid`.
        """
        programme, colon, cities = text.partition(":")
        if colon and not (programme and cities):
            raise SettingsInvalid(
                f"'{text}' is no scope of a key; write it as programme or as programme:461+751."
            )
        return cls(programme or None, frozenset(cities.split("+")) if colon else None)

    def has(self, programme: str) -> bool:
        """Whether anything of the programme may be seen."""
        return self.programme in (None, programme)

    def has_all_of(self, programme: str) -> bool:
        """Whether everything of the programme may be seen, whatever the city."""
        return self.has(programme) and self.cities is None

    def covers(self, thing: Placed) -> bool:
        """Whether this may be seen. What has no city is seen by those only who see every city."""
        return self.has(thing.programme) and (self.cities is None or thing.city in self.cities)

    def cities_for(self, city: str | None) -> frozenset[str] | None:
        """The cities to look in, if `city` was asked for (None: all that may be seen)."""
        if city is None:
            return self.cities
        return frozenset({city}) if self.cities is None else self.cities & {city}


EVERYTHING: Final = Scope(None, None)


def in_cities(field: str, cities: frozenset[str] | None) -> dict[str, Any]:
    """The part of a query that keeps to these cities; None is every one."""
    return {} if cities is None else {field: {"$in": sorted(cities)}}
