"""Enough of PromQL to tell which metrics and labels an expression uses."""

import re
from dataclasses import dataclass

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_MATCHERS = re.compile(r'([a-zA-Z_:][\w:]*)\s*\{((?:[^{}"]|"(?:[^"\\]|\\.)*")*)\}')
_RANGE = re.compile(r"\[[^\]]*\]")
_NAME = re.compile(r"(?<![\w:.$])([a-zA-Z_:][\w:]*)(?!\s*\()(?![\w:])")
_MATCHER = re.compile(r'([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')
_WORDS = frozenset({"and", "or", "unless", "bool", "offset", "inf", "nan"})


@dataclass(frozen=True)
class Used:
    """What an expression uses: metrics, labels by metric with the values asked for, groupings."""

    metrics: frozenset[str]
    matchers: tuple[tuple[str, str, str], ...]
    """Metric, label, value or pattern."""
    groupings: frozenset[str]


def used_by(expression: str) -> Used:
    """What the expression uses."""
    matchers = tuple(
        (metric, label, value)
        for metric, inside in _MATCHERS.findall(expression)
        for label, value in _MATCHER.findall(inside)
    )
    groupings = {
        label.strip()
        for inside in _GROUPING.findall(expression)
        for label in inside.split(",")
        if label.strip()
    }
    bare = _MATCHERS.sub(r"\1 ", expression)
    bare = _STRING.sub("", bare)
    bare = _GROUPING.sub(" ", bare)
    bare = _RANGE.sub("", bare)
    metrics = {name for name in _NAME.findall(bare) if name.lower() not in _WORDS}
    return Used(frozenset(metrics), matchers, frozenset(groupings))
