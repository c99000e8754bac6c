"""Imports every module of events, so that each is found by its wire name."""

from shared.events import (
    care,
    check_ins,
    contacts,
    dead_letters,
    matches,
    messages,
    participants,
    pool,
    programmes,
    rights,
)

MODULES = (
    participants,
    contacts,
    programmes,
    matches,
    pool,
    check_ins,
    care,
    messages,
    rights,
    dead_letters,
)
"""In the order in which the catalogue shows them."""
