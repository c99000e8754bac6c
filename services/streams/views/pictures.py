"""Small pictures as inline SVG: each says in words what it shows, and takes its colours from the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

_WIDTH: Final = 240
_HEIGHT: Final = 48
_GAP: Final = 2


def _svg(width: int, height: int, label: str, *inside: Markup) -> Markup:
    return Markup(
        '<svg class="picture" viewBox="0 0 {} {}" role="img" aria-label="{}" '
        'preserveAspectRatio="none">{}</svg>'
    ).format(width, height, label, Markup("").join(inside))


def sparkline(values: Sequence[float], label: str) -> Markup:
    """How a value went, the newest at the right; 0 is at the bottom."""
    if len(values) < 2:
        return _svg(_WIDTH, _HEIGHT, label)
    top = max(*values, 1.0)
    step = _WIDTH / (len(values) - 1)
    points = [
        f"{index * step:.1f},{_HEIGHT - 2 - value / top * (_HEIGHT - 6):.1f}"
        for index, value in enumerate(values)
    ]
    area = Markup('<polygon class="area" points="0,{} {} {},{}"/>').format(
        _HEIGHT, " ".join(points), _WIDTH, _HEIGHT
    )
    line = Markup('<polyline class="line" points="{}"/>').format(" ".join(points))
    return _svg(_WIDTH, _HEIGHT, label, area, line)


def columns(values: Sequence[int], label: str) -> Markup:
    """A column for each value, in their order."""
    top = max([*values, 1])
    wide = _WIDTH / max(1, len(values))
    return _svg(
        _WIDTH,
        _HEIGHT,
        label,
        *(
            Markup('<rect class="bar" x="{}" y="{}" width="{}" height="{}"/>').format(
                f"{index * wide:.1f}",
                f"{_HEIGHT - value / top * (_HEIGHT - 2):.1f}",
                f"{max(1.0, wide - _GAP):.1f}",
                f"{value / top * (_HEIGHT - 2):.1f}",
            )
            for index, value in enumerate(values)
            if value
        ),
    )


def bar(value: float, most: float) -> Markup:
    """One bar, as long as the value is of the most. Decoration: the number stands beside it."""
    long = 100 * value / most if most > 0 else 0
    return Markup(
        '<svg class="picture thin" viewBox="0 0 100 6" aria-hidden="true" preserveAspectRatio="none">'
        '<rect class="track" width="100" height="6"/><rect class="bar" width="{}" height="6"/></svg>'
    ).format(f"{min(100.0, long):.1f}")


@dataclass(frozen=True, slots=True)
class Dot:
    """Something that happened: where in the whole time (0 to 1), in which lane, and the words for it."""

    at: float
    lane: int
    words: str


_LANE: Final = 26
_LEFT: Final = 110
_LONG: Final = 900


def lanes(names: Sequence[str], dots: Sequence[Dot], label: str) -> Markup:
    """A lane for each service, and on it what happened there, from left to right in time."""
    height = _LANE * len(names)
    marks = [
        Markup(
            '<text x="0" y="{y}">{name}</text><line x1="{left}" x2="{right}" y1="{at}" y2="{at}"/>'
        ).format(
            y=_LANE * number + 17,
            at=_LANE * number + 13,
            name=name,
            left=_LEFT,
            right=_LEFT + _LONG,
        )
        for number, name in enumerate(names)
    ]
    marks += [
        Markup('<circle class="lane{}" cx="{}" cy="{}" r="6"><title>{}</title></circle>').format(
            dot.lane, f"{_LEFT + 8 + dot.at * (_LONG - 16):.1f}", _LANE * dot.lane + 13, dot.words
        )
        for dot in dots
    ]
    return Markup(
        '<svg class="lanes" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(_LEFT + _LONG, height, escape(label), Markup("").join(marks))
