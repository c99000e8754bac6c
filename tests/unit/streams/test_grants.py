"""The rules of grants and keys."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.streams.domain.grants import (
    MOST_KEYS,
    Grant,
    GrantRevoked,
    GrantUnknown,
    Key,
    KeyUnknown,
    TooManyKeys,
    Used,
    add_key,
    make,
    note_use,
    revoke,
    revoke_key,
    rotate,
)
from shared.decisions import Decision
from tests.unit.streams.examples import NOW
from tests.unit.streams.grants import ODENSES, a_grant


def a_key(number: int) -> Key:
    return Key(f"cg_{number:08}", f"hash-{number}", NOW)


def after(decision: object) -> Grant:
    assert isinstance(decision, Decision)
    assert isinstance(decision.state, Grant)
    return decision.state


def test_a_grant_is_made_once() -> None:
    assert after(make(None, ODENSES)) == ODENSES
    assert make(ODENSES, ODENSES) is None


@given(st.lists(st.sampled_from(["add", "rotate", "revoke", "wait"]), max_size=30))
def test_at_most_five_keys_open_and_a_new_one_always_does(steps: list[str]) -> None:
    grant, now = a_grant(keys=(a_key(0),)), NOW
    for number, step in enumerate(steps, 1):
        key = replace(a_key(number), created_at=now)
        match step:
            case "add":
                added = add_key(grant, key, now)
                if isinstance(added, TooManyKeys):
                    assert len(grant.keys_at(now)) == MOST_KEYS
                else:
                    grant = after(added)
                    assert key in grant.keys_at(now)
            case "rotate":
                grant = after(rotate(grant, key, now))
                assert key in grant.keys_at(now)
                assert all(old.expires_at is not None for old in grant.keys_at(now) if old != key)
            case "revoke":
                alive = grant.keys_at(now)
                if alive:
                    grant = after(revoke_key(grant, alive[0].prefix, now))
                    assert len(grant.keys_at(now)) == len(alive) - 1
            case _:
                now += timedelta(days=3)
        assert len(grant.keys_at(now)) <= MOST_KEYS
        assert len(grant.keys) <= 2 * MOST_KEYS


def test_rotation_never_makes_an_old_key_live_longer() -> None:
    ends = NOW + timedelta(hours=1)
    grant = a_grant(keys=(replace(a_key(1), expires_at=ends),))
    rotated = after(rotate(grant, a_key(2), NOW))
    assert rotated.keys[0].expires_at == ends


def test_a_key_opens_until_the_instant_at_which_it_expires() -> None:
    key = replace(a_key(1), expires_at=NOW)
    assert key.opens(NOW - timedelta(milliseconds=1))
    assert not key.opens(NOW)


def test_a_revoked_grant_has_no_keys_and_forgets_whom_it_named() -> None:
    over = after(revoke(a_grant(keys=(a_key(1),)), NOW))
    assert (over.keys, over.pseudonym_key, over.keys_at(NOW)) == ((), "", ())
    assert revoke(over, NOW) is None
    assert isinstance(add_key(over, a_key(2), NOW), GrantRevoked)
    assert isinstance(rotate(over, a_key(2), NOW), GrantRevoked)


def test_what_is_not_there_is_refused() -> None:
    for refused in (
        add_key(None, a_key(1), NOW),
        rotate(None, a_key(1), NOW),
        revoke_key(None, "cg_", NOW),
        revoke(None, NOW),
    ):
        assert isinstance(refused, GrantUnknown)
    assert isinstance(revoke_key(ODENSES, "cg_nothing", NOW), KeyUnknown)
    assert note_use(None, Used(1, 1, 1, frozenset(), NOW)) is None


def test_use_adds_up_and_positions_do_not_go_back() -> None:
    grant = a_grant(keys=(a_key(1), a_key(2)))
    used = after(note_use(grant, Used(2, 30, 500, frozenset({a_key(1).prefix}), NOW)))
    again = after(note_use(used, Used(1, 5, 90, frozenset(), NOW)))
    assert (again.usage.requests, again.usage.events, again.usage.position) == (3, 35, 500)
    assert [key.last_used_at for key in again.keys] == [NOW, None]
