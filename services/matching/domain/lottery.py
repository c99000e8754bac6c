"""Chance among equals: seeded, keyed by participant, the same on every machine.

A number depends on the seed and the participant's id alone, so neither the order of arrival nor who
else takes part moves it.
"""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

TIE_BITS = 53  # with a score of 10 bits this fills the 63 bits of a positive int64


def numbers(participant_ids: Sequence[str], seed: int) -> NDArray[np.uint64]:
    """One 64-bit number for each participant, in their order."""
    digests = b"".join(
        blake2b(f"{seed}/{participant_id}".encode(), digest_size=8).digest()
        for participant_id in participant_ids
    )
    return np.frombuffer(digests, dtype="<u8").astype(np.uint64)


def tickets(drawn: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Places in the one lottery that all mentors share: n different tickets 0 … n-1, higher wins.

    One lottery for all mentors costs mentees less than one for each (Abdulkadiroğlu, Pathak and
    Roth, 2009). Equal numbers keep the order of the ids, in which `drawn` must come.
    """
    places = np.empty(len(drawn), np.int64)
    places[np.argsort(drawn, kind="stable")] = np.arange(len(drawn))
    return places


def ties(mentees: NDArray[np.uint64], mentors: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Numbers of `TIE_BITS` bits, one a pair: which of equally good mentors a mentee asks first.

    Each mentee has an order of her own, so that equals do not all ask the same mentor. The mixing
    is the finalizer of SplitMix64 (Steele, Lea and Flood, 2014); arithmetic is modulo 2**64.
    """
    mixed = mentees * np.uint64(0x9E3779B97F4A7C15) + mentors
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(64 - TIE_BITS)).astype(np.int64)
