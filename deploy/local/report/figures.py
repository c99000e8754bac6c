"""Pictures as inline SVG: no script, nothing fetched, a title for those who do not see them.

The numbers behind each picture stand in a table beside it; a picture only shows them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

_LINE: Final = 26
_LABEL: Final = 190
_BARS: Final = 420
_HEIGHT: Final = 220
_BASE: Final = 190
_MAP_WIDTH: Final = 460
_EAST: Final = (7.9, 15.2)
_NORTH: Final = (54.5, 57.9)
_MOST_NAMES: Final = 8
_NARROWING: Final = 0.56
"""How much shorter a degree of longitude is than one of latitude at 56 degrees north."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A labelled number."""

    label: str
    value: int


@dataclass(frozen=True, slots=True)
class Series:
    """A row of numbers, one for each column of a chart. tone: class of its colour, `tone-1` to `-4`."""

    name: str
    values: Sequence[int]
    tone: str


@dataclass(frozen=True, slots=True)
class Place:
    """A number at a place on the map, in degrees."""

    name: str
    north: float
    east: float
    value: int


def bars(title: str, rows: Sequence[Bar], *, room: int = _LABEL) -> Markup:
    """Lying bars, one under the other. room: for their labels."""
    most = max((row.value for row in rows), default=0) or 1
    parts: list[Markup] = []
    for number, row in enumerate(rows):
        top = number * _LINE
        width = round(_BARS * row.value / most, 1)
        parts.append(
            Markup(
                '<text x="{label}" y="{text}" text-anchor="end">{name}</text>'
                '<rect class="tone-1" x="{left}" y="{top}" width="{width}" height="18" rx="2"/>'
                '<text x="{end}" y="{text}">{value}</text>'
            ).format(
                label=room - 8,
                text=top + 14,
                name=row.label,
                left=room,
                top=top,
                width=width,
                end=room + width + 6,
                value=f"{row.value:,}",
            )
        )
    return _svg(title, room + _BARS + 70, max(1, len(rows)) * _LINE, parts)


def columns(title: str, labels: Sequence[str], series: Sequence[Series]) -> Markup:
    """Standing bars: for each label the series side by side."""
    most = max((value for each in series for value in each.values), default=0) or 1
    room = (_LABEL + _BARS) / max(1, len(labels))
    width = max(1.0, (room - 3) / max(1, len(series)))
    parts: list[Markup] = []
    for place, label in enumerate(labels):
        left = 40 + place * room
        for number, each in enumerate(series):
            height = round((_BASE - 12) * each.values[place] / most, 1)
            parts.append(
                Markup(
                    '<rect class="{tone}" x="{x}" y="{y}" width="{width}" height="{height}"/>'
                ).format(
                    tone=each.tone,
                    x=round(left + number * width, 1),
                    y=round(_BASE - height, 1),
                    width=round(width, 1),
                    height=height,
                )
            )
        if len(labels) <= 13 or place % 2 == 0:
            parts.append(
                Markup('<text x="{x}" y="{y}" text-anchor="middle">{label}</text>').format(
                    x=round(left + room / 2, 1), y=_BASE + 16, label=label
                )
            )
    parts.append(Markup('<text x="34" y="14" text-anchor="end">{}</text>').format(f"{most:,}"))
    parts.append(Markup('<text x="34" y="{}" text-anchor="end">0</text>').format(_BASE))
    return _svg(title, _LABEL + _BARS + 60, _HEIGHT, parts)


def country(title: str, places: Sequence[Place]) -> Markup:
    """Circles where the municipalities lie, their area by the number; the biggest have their names."""
    most = max((place.value for place in places), default=0) or 1
    scale = _MAP_WIDTH / ((_EAST[1] - _EAST[0]) * _NARROWING)
    height = round((_NORTH[1] - _NORTH[0]) * scale)
    parts: list[Markup] = []
    labels: list[Markup] = []
    taken: list[tuple[float, float]] = []
    for place in sorted(places, key=lambda each: (-each.value, each.name)):
        x = round((place.east - _EAST[0]) * _NARROWING * scale, 1)
        y = round((_NORTH[1] - place.north) * scale, 1)
        radius = round(2 + 22 * (place.value / most) ** 0.5, 1) if place.value else 1.5
        tone = "tone-1" if place.value else "none"
        parts.append(
            Markup(
                '<circle class="{tone}" cx="{x}" cy="{y}" r="{r}"><title>{name}: {value}</title></circle>'
            ).format(tone=tone, x=x, y=y, r=radius, name=place.name, value=place.value)
        )
        is_free = all(abs(x - left) > 90 or abs(y - top) > 15 for left, top in taken)
        if place.value and is_free and len(labels) < _MOST_NAMES:
            taken.append((x, y))
            labels.append(
                Markup('<text class="name" x="{x}" y="{y}">{name}</text>').format(
                    x=round(x + radius + 3, 1), y=round(y + 4, 1), name=place.name
                )
            )
    # Names last, so that no circle lies on them.
    parts += labels
    return _svg(title, _MAP_WIDTH + 60, height, parts, extra="map")


def _svg(
    title: str, width: int, height: int, parts: Sequence[Markup], *, extra: str = "chart"
) -> Markup:
    head = Markup(
        '<svg class="{extra}" viewBox="0 0 {width} {height}" role="img" aria-label="{title}">'
        "<title>{title}</title>"
    ).format(extra=extra, width=width, height=height, title=escape(title))
    return head + Markup("").join(parts) + Markup("</svg>")
