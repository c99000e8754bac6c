"""What came of changes that nobody parks: a decision that raised is an error here, never a silence."""

from collections.abc import Sequence
from typing import TypeVar

from shared.storage.changes import Outcome

State = TypeVar("State")


def settled(outcomes: Sequence[Outcome[State]]) -> Sequence[Outcome[State]]:
    """The outcomes, if each decision came to something. Raises the first error; the rest is written."""
    for outcome in outcomes:
        if outcome.error is not None:
            raise outcome.error
    return outcomes
