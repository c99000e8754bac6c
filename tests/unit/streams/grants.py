"""Grants for tests: Odense sees matches, unless something else is said."""

from dataclasses import replace
from typing import Any

from services.streams.domain.grants import Grant
from services.streams.domain.integration import GrantedStream
from services.streams.domain.projection import Pseudonyms
from shared.security.hashing import KeyedHash
from tests.unit.streams.examples import NOW

ODENSE = "461"
AARHUS = "751"
SAMSOE = "741"

ODENSES = Grant(
    grant_id="grant-odense",
    name="Odense Kommune",
    programme="kvinfo",
    streams=(GrantedStream.MATCHES, GrantedStream.CHECK_INS),
    cities=(ODENSE,),
    regions=(),
    all_cities=False,
    pseudonym_key="odenses-own",
    created_at=NOW,
)


def a_grant(**changes: Any) -> Grant:
    return replace(ODENSES, **changes)


def pseudonyms(grant: Grant) -> Pseudonyms:
    return Pseudonyms(KeyedHash("hashes").of, grant.pseudonym_key)
