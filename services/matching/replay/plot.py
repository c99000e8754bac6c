"""Curves over weeks as one SVG file that needs nothing else."""

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup, escape

from services.matching.replay.outcome import Outcome

_WIDTH: Final = 760
_HEIGHT: Final = 250
_LEFT: Final = 60
_BASE: Final = 200
_TOP: Final = 40
# Told apart also without colours.
_STYLES: Final = (("#7a7a7a", "2 4"), ("#0b5c4d", ""), ("#c97b1a", "8 4"))


def curves(outcomes: Sequence[Outcome]) -> str:
    """Two charts, one below the other: placed so far, and waiting, at the end of each week."""
    parts = [
        _chart("Mentees placed so far", outcomes, [one.placed_by_week for one in outcomes], 0),
        _chart("Mentees who wait", outcomes, [one.waiting_by_week for one in outcomes], _HEIGHT),
    ]
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'font-family="system-ui, sans-serif" font-size="13" fill="#222">'
        "<title>Replay: {names}</title>"
        '<rect width="{width}" height="{height}" fill="#fff"/>{parts}</svg>\n'
    ).format(
        width=_WIDTH,
        height=2 * _HEIGHT,
        names=", ".join(one.label for one in outcomes),
        parts=Markup("").join(parts),
    )


def _chart(
    title: str, outcomes: Sequence[Outcome], values: Sequence[Sequence[int]], down: int
) -> Markup:
    most = max((value for each in values for value in each), default=0) or 1
    weeks = max((len(each) for each in values), default=0)
    step = (_WIDTH - _LEFT - 20) / max(1, weeks - 1)
    parts = [
        Markup('<text x="{x}" y="18" font-weight="600">{title}</text>').format(
            x=_LEFT, title=title
        ),
        Markup('<text x="{x}" y="{y}" text-anchor="end">{most}</text>').format(
            x=_LEFT - 8, y=_TOP + 4, most=f"{most:,}"
        ),
        Markup('<text x="{x}" y="{y}" text-anchor="end">0</text>').format(x=_LEFT - 8, y=_BASE + 4),
        Markup('<path d="M{x} {top}V{base}H{right}" stroke="#999" fill="none"/>').format(
            x=_LEFT, top=_TOP, base=_BASE, right=_WIDTH - 20
        ),
        Markup('<text x="{x}" y="{y}" text-anchor="end">week {weeks}</text>').format(
            x=_WIDTH - 20, y=_BASE + 20, weeks=weeks
        ),
    ]
    for number, (outcome, each) in enumerate(zip(outcomes, values, strict=True)):
        colour, dashes = _STYLES[number % len(_STYLES)]
        points = " ".join(
            f"{_LEFT + place * step:.1f},{_BASE - (_BASE - _TOP) * value / most:.1f}"
            for place, value in enumerate(each)
        )
        key = _LEFT + 150 * number
        parts.append(
            Markup(
                '<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2" '
                'stroke-dasharray="{dashes}"><title>{label}</title></polyline>'
                '<path d="M{key} {y}h24" stroke="{colour}" stroke-width="2" '
                'stroke-dasharray="{dashes}"/><text x="{words}" y="{below}">{label}</text>'
            ).format(
                points=points,
                colour=colour,
                dashes=dashes,
                label=escape(outcome.label),
                key=key,
                y=_BASE + 36,
                words=key + 30,
                below=_BASE + 40,
            )
        )
    return Markup('<g transform="translate(0 {down})">{parts}</g>').format(
        down=down, parts=Markup("").join(parts)
    )
