"""What is sealed is read with its key only, for what it was sealed for, and unchanged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.security.sealing import SealBroken, new_key_pair, open_sealed, seal

PRIVATE, PUBLIC = new_key_pair()


@given(st.binary(max_size=5_000), st.text(max_size=80))
def test_what_was_sealed_comes_out_again(plain: bytes, about: str) -> None:
    sealed = seal(plain, PUBLIC, about)
    assert open_sealed(sealed, PRIVATE, about) == plain
    assert len(plain) < 8 or plain not in sealed


def test_another_key_opens_nothing() -> None:
    other, _ = new_key_pair()
    with pytest.raises(SealBroken):
        open_sealed(seal(b"her story", PUBLIC, "r/intake/1/1"), other, "r/intake/1/1")


def test_a_piece_does_not_stand_in_anothers_place() -> None:
    with pytest.raises(SealBroken):
        open_sealed(seal(b"her story", PUBLIC, "r/intake/1/2"), PRIVATE, "r/intake/2/2")


@given(st.integers(0, 200))
def test_a_changed_bit_is_noticed(at: int) -> None:
    sealed = bytearray(seal(b"x" * 200, PUBLIC, "a"))
    sealed[at] ^= 1
    with pytest.raises(SealBroken):
        open_sealed(bytes(sealed), PRIVATE, "a")


@pytest.mark.parametrize("sealed", [b"", b"short"])
def test_what_was_never_sealed_is_no_crash(sealed: bytes) -> None:
    with pytest.raises(SealBroken):
        open_sealed(sealed, PRIVATE, "a")
