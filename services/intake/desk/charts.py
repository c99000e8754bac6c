"""Bar charts as inline SVG: the numbers for `bars.html`, which draws them and writes them out as well."""

from collections.abc import Sequence
from dataclasses import dataclass

_WIDTH = 480
_HEIGHT = 170
_ROOM_BELOW = 28
_ROOM_ABOVE = 22
_GAP = 8


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, in the picture's own units; `middle` is where its texts stand."""

    label: str
    value: int
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """The middle of the bar."""
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True)
class Bars:
    """A chart. `bars` are in their order; a value of 0 has no height."""

    bars: tuple[Bar, ...]
    width: int = _WIDTH
    height: int = _HEIGHT
    floor: int = _HEIGHT - _ROOM_BELOW

    @classmethod
    def of(cls, values: Sequence[tuple[str, int]]) -> "Bars":
        """A chart of labels and their values."""
        most = max((value for _, value in values), default=0) or 1
        room = _HEIGHT - _ROOM_BELOW - _ROOM_ABOVE
        step = _WIDTH / max(1, len(values))
        return cls(
            tuple(
                Bar(
                    label,
                    value,
                    x=round(place * step + _GAP / 2, 1),
                    y=round(_HEIGHT - _ROOM_BELOW - room * value / most, 1),
                    width=round(step - _GAP, 1),
                    height=round(room * value / most, 1),
                )
                for place, (label, value) in enumerate(values)
            )
        )
