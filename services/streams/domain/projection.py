"""The projection: what of an entry of the journal an integrator sees, if anything. Pure.

What must stay true:
- Only the fields that an integration event names are copied, one by one. What the services add to
  their own events later stays inside.
- Nothing tells apart why a proposal was closed, or by whom. So there is no sequence number, no event
  for the mentee's yes, and the id is a pseudonym too: a gap or a number would tell.
- No id of ours gets out, neither of people, matches and events nor what ties events together.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from services.streams.domain import integration
from services.streams.domain.entries import Entry
from services.streams.domain.grants import Grant, Scope
from services.streams.domain.integration import GrantedStream, Seen
from services.streams.domain.places import places
from shared.events import check_ins, matches
from shared.events.payload import Payload
from shared.events.wire import CONTENT_TYPE, SPEC_VERSION, rfc3339

SOURCE: Final = "/streams"

_SEEN_AS: Final[Mapping[type[Payload], type[Seen]]] = MappingProxyType(
    {
        matches.MatchProposed: integration.MatchProposed,
        matches.MatchAccepted: integration.MatchAccepted,
        matches.MatchDeclined: integration.MatchClosedWithoutMatch,
        matches.MatchExpired: integration.MatchClosedWithoutMatch,
        matches.MatchWithdrawn: integration.MatchClosedWithoutMatch,
        matches.MatchEnded: integration.MatchEnded,
        check_ins.CheckInDue: integration.CheckInDue,
        check_ins.CheckInCompleted: integration.CheckInCompleted,
        check_ins.CheckInOverdue: integration.CheckInOverdue,
    }
)
SEEN_BY_TYPE: Final[Mapping[str, type[Seen]]] = MappingProxyType(
    {payload.wire_name: seen for payload, seen in _SEEN_AS.items()}
)
"""What each of our events becomes. An event that is not in here is seen by no integrator."""

_NAMED_OTHERWISE: Final = frozenset(Seen.model_fields)
"""Fields that are made here; all others of an integration event are copied under their name."""

HashOf = Callable[..., str]
"""A keyed hash of strings: `shared.security.hashing.KeyedHash.of`."""


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """One grant's names for people, matches and events. Two grants have no name in common."""

    hash_of: HashOf
    key: str
    """The grant's own: without it nobody, we neither, can say whom a pseudonym means."""

    def of(self, kind: str, value: str) -> str:
        """32 hexadecimal digits: 128 bits of the keyed hash."""
        return self.hash_of("pseudonym", self.key, kind, value)[:32]


@dataclass(frozen=True, slots=True)
class Projected:
    """One event as an integrator gets it, through whichever door. `data` is JSON."""

    id: str
    type: str
    stream: GrantedStream
    subject: str
    """The match, by this integrator's pseudonym: what must stay in order together."""
    time: datetime
    position: int
    """Of the journal. To go on behind it is to get everything that came later."""
    programme: str
    city: str | None
    region: str | None
    data: dict[str, Any]

    @property
    def attributes(self) -> dict[str, str]:
        """The CloudEvents attributes, all of them strings."""
        attributes = {
            "specversion": SPEC_VERSION,
            "id": self.id,
            "type": self.type,
            "source": f"{SOURCE}/{self.stream.value}",
            "subject": self.subject,
            "time": rfc3339(self.time),
            "datacontenttype": CONTENT_TYPE,
            "partitionkey": self.subject,
            "position": str(self.position),
            "programme": self.programme,
        }
        if self.city is not None:
            attributes["city"] = self.city
        return attributes

    def as_json(self) -> str:
        """The event in CloudEvents' JSON format: attributes and data in one object."""
        whole = {**self.attributes, "data": self.data}
        return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))


def project(
    entry: Entry, grant: Grant, pseudonyms: Pseudonyms, scope: Scope | None = None
) -> Projected | None:
    """What the grant sees of an entry; None if it sees nothing of it.

    `scope` is the grant's own, or a narrower one that its holder asked for.
    """
    seen_as = SEEN_BY_TYPE.get(entry.type)
    if seen_as is None or grant.revoked_at is not None:
        return None
    scope = scope or grant.scope
    if not scope.includes(entry.programme, seen_as, entry.city) or not _was_proposed(entry):
        return None
    city, region = _place(entry.city)
    match = pseudonyms.of("match", entry.payload["match_id"])
    made = {
        "programme": entry.programme,
        "city": city,
        "region": region,
        "match": match,
        "mentee": pseudonyms.of("person", entry.payload["mentee_id"]),
        "mentor": pseudonyms.of("person", entry.payload["mentor_id"]),
    }
    copied = {
        name: entry.payload[name]
        for name in seen_as.model_fields
        if name not in _NAMED_OTHERWISE and name in entry.payload
    }
    return Projected(
        id=pseudonyms.of("event", entry.id),
        type=seen_as.wire_name,
        stream=seen_as.stream,
        subject=match,
        time=entry.time,
        position=entry.position,
        programme=entry.programme,
        city=city,
        region=region,
        data={name: value for name, value in {**made, **copied}.items() if value is not None},
    )


def _was_proposed(entry: Entry) -> bool:
    """A match that was taken back before anybody was asked was never there for an integrator."""
    return (
        entry.type != matches.MatchWithdrawn.wire_name
        or entry.payload.get("proposed_at") is not None
    )


def _place(city: str | None) -> tuple[str | None, str | None]:
    """Municipality and region as they may be told."""
    place = places().get(city or "")
    if place is None:
        return None, None
    return (None if place.is_small else place.code), place.region
