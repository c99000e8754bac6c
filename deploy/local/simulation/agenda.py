"""Who will do what, and when: a queue of acts in a fixed order."""

import heapq
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum


class Phase(IntEnum):
    """In which order things are done that are done at one instant.

    Within TALK, CLOSE and COORDINATE all is done at once, since no act there changes what another
    meets. Those who go act one after the other, and all is quiet in between: whom they leave behind
    may be one of them.
    """

    TALK = 1
    CLOSE = 2
    GO = 3
    COORDINATE = 4


@dataclass(frozen=True, order=True, slots=True)
class Act:
    """Something that will be done. `key` is the same on every run, and puts acts in order."""

    at: datetime
    phase: Phase
    key: str
    do: Callable[[], Awaitable[None]] = field(compare=False)


class Agenda:
    """Acts to come, the earliest first."""

    def __init__(self, ends: datetime) -> None:
        self._ends = ends
        self._acts: list[Act] = []

    def add(self, act: Act) -> None:
        """Puts an act down, unless it lies behind the end."""
        if act.at <= self._ends:
            heapq.heappush(self._acts, act)

    @property
    def next_at(self) -> datetime:
        """When the next act is due; the end if there is none."""
        return self._acts[0].at if self._acts else self._ends

    def take(self, now: datetime, phase: Phase) -> list[Act]:
        """The acts of this phase that are due, in their order."""
        due: list[Act] = []
        while self._acts and (self._acts[0].at, self._acts[0].phase) <= (now, phase):
            due.append(heapq.heappop(self._acts))
        return due
