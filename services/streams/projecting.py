"""The one way from the journal to an integrator: pages of projected events, for every door."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from services.streams.domain.entries import Entry
from services.streams.domain.grants import Grant, Scope
from services.streams.domain.integration import Seen
from services.streams.domain.places import may_be_named
from services.streams.domain.projection import SEEN_BY_TYPE, HashOf, Projected, Pseudonyms, project
from services.streams.store.journal import Journal
from services.streams.tail import Interest

MOST_IN_A_PAGE: Final = 1_000
_WINDOW: Final = 50_000
"""Positions that one page looks through at most where no index tells the cities apart."""


@dataclass(frozen=True, slots=True)
class Page:
    """Events behind a position, and how far was looked: the cursor of the next page.

    `reached` moves on also where there was nothing to see, so a grant that sees little never stalls.
    """

    events: tuple[Projected, ...]
    reached: int
    last: int
    """The journal's last position when it was read; everything is read when this is reached."""

    @property
    def is_last(self) -> bool:
        """Whether there is nothing behind it yet."""
        return self.reached >= self.last


@dataclass(frozen=True, slots=True)
class View:
    """The journal as one grant sees it, or as its holder asked to see it."""

    grant: Grant
    scope: Scope
    pseudonyms: Pseudonyms

    def of(self, entry: Entry) -> Projected | None:
        """What it shows of an entry; None if nothing."""
        return project(entry, self.grant, self.pseudonyms, self.scope)

    def narrowed(
        self, seen: Iterable[type[Seen]] | None = None, cities: Iterable[str] | None = None
    ) -> "View":
        """Only these kinds of events, only these cities: never more than was granted.

        To ask for a small municipality alone would tell what happened there, so nobody can.
        """
        kinds = self.scope.seen if seen is None else self.scope.seen & frozenset(seen)
        places = self.scope.cities
        if cities is not None:
            asked = frozenset(city for city in cities if may_be_named(city))
            places = asked if places is None else places & asked
        return replace(self, scope=replace(self.scope, seen=kinds, cities=places))

    @property
    def types(self) -> frozenset[str]:
        """Wire names of the entries that it may show something of."""
        return frozenset(name for name, seen in SEEN_BY_TYPE.items() if seen in self.scope.seen)

    @property
    def streams(self) -> frozenset[str]:
        """The streams that it looks into."""
        return frozenset(seen.stream.value for seen in self.scope.seen)

    @property
    def interests(self) -> frozenset[Interest]:
        """What to listen for at the journal's end."""
        cities = self.scope.cities
        places: Iterable[str | None] = (None,) if cities is None else cities
        return frozenset(
            Interest(self.scope.programme, stream, city)
            for stream in self.streams
            for city in places
        )


class Projections:
    """Makes views of grants, and reads pages of the journal through them."""

    def __init__(self, journal: Journal, hash_of: HashOf) -> None:
        self._journal = journal
        self._hash_of = hash_of

    def view(self, grant: Grant) -> View:
        """Everything that the grant sees."""
        return View(grant, grant.scope, Pseudonyms(self._hash_of, grant.pseudonym_key))

    async def page(self, view: View, after: int, limit: int = 100) -> Page:
        """What a view shows behind a position, at most `limit` entries of the journal."""
        last = await self._journal.last_position()
        until = last if view.scope.cities is not None else min(last, after + _WINDOW)
        if until <= after or not view.scope.seen or view.scope.cities == frozenset():
            return Page((), max(after, until), last)
        entries = await self._journal.seen(
            view.scope.programme,
            view.streams,
            view.types,
            view.scope.cities,
            after=after,
            until=until,
            limit=min(limit, MOST_IN_A_PAGE),
        )
        reached = entries[-1].position if len(entries) >= min(limit, MOST_IN_A_PAGE) else until
        shown = [projected for entry in entries if (projected := view.of(entry)) is not None]
        return Page(tuple(shown), reached, last)
