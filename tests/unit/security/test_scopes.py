"""What a scope covers, and how the scope of a key is written."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from shared.errors import SettingsInvalid
from shared.security.keys import hash_key, scope_of
from shared.security.scopes import EVERYTHING, Scope, in_cities
from shared.settings import ServiceSettings

CODES = st.sampled_from(["461", "751", "101"])
CITIES = st.none() | st.frozensets(CODES)
PROGRAMMES = st.sampled_from(["dk", "no"])


def placed(programme: str, city: str | None) -> Any:
    return cast("Any", SimpleNamespace(programme=programme, city=city))


def test_a_scope_without_cities_covers_nobody() -> None:
    nobody = Scope("dk", frozenset())
    assert not nobody.covers(placed("dk", "751"))
    assert not nobody.covers(placed("dk", None))
    assert in_cities("city", nobody.cities) == {"city": {"$in": []}}


def test_what_has_no_city_is_for_those_who_see_every_city() -> None:
    assert Scope("dk", None).covers(placed("dk", None))
    assert not Scope("dk", frozenset({"751"})).covers(placed("dk", None))


@given(PROGRAMMES, CITIES, PROGRAMMES, CODES)
def test_a_list_and_a_single_look_agree(
    mine: str, cities: frozenset[str] | None, programme: str, city: str
) -> None:
    scope = Scope(mine, cities)
    asked = scope.cities_for(city)
    in_the_list = scope.has(programme) and (asked is None or city in asked)
    assert in_the_list == scope.covers(placed(programme, city))


@pytest.mark.parametrize(
    ("written", "scope"),
    [
        ("", EVERYTHING),
        (":dk", Scope("dk", None)),
        (":dk:751", Scope("dk", frozenset({"751"}))),
        (":dk:461+751", Scope("dk", frozenset({"461", "751"}))),
    ],
)
def test_a_kept_hash_says_for_what_its_key_is_good(written: str, scope: Scope) -> None:
    assert scope_of("key", [hash_key("other"), hash_key("key") + written]) == scope
    assert scope_of("unknown", [hash_key("key") + written]) is None


@pytest.mark.parametrize("written", ["dk:", ":751"])
def test_a_scope_that_cannot_be_read_stops_the_start(written: str) -> None:
    with pytest.raises(SettingsInvalid):
        Scope.read(written)
    with pytest.raises(ValidationError, match="scope of a key"):
        ServiceSettings(
            kafka_url="k",
            mongodb_url="m",
            link_secret=SecretStr("l"),
            hash_secret=SecretStr("h"),
            coordinator_key_hashes=f"{hash_key('key')}:{written}",
        )
