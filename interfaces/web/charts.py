"""Charts as SVG that the stylesheet colours, so that they follow the theme. Each says in words what it shows."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pygal
from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.report import Counts
    from projections.keys.uses import UseRow

# pygal hooks itself into every import of the process, for plug-ins of its own and in a way that Python 3.12 no longer
# knows; 3.11 warns at each import.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]

OUTCOMES = ("accepted", "replayed", "rejected", "throttled")
_BAR_WIDTH, _BAR_STEP, _SPARK_HEIGHT = 3, 4, 24
_WIDTH, _HEIGHT = 760, 200
_LABELLED_EVERY = 6
_NOT_SHOWN = ("defs", "title")


def sparkline(hours: Sequence[UseRow]) -> Markup:
    """Return a day of a key's uses, an hour a bar, as small as a word.

    One path of our own. The library takes 3 ms and 6 KB for one, and a page has 50; see docs/performance.md.
    """
    counts = [_all_uses(hour) for hour in hours]
    most = max(counts, default=0)
    bars = "".join(
        f"M{number * _BAR_STEP} {_SPARK_HEIGHT}v-{_height(count, most)}h{_BAR_WIDTH}V{_SPARK_HEIGHT}z"
        for number, count in enumerate(counts)
        if count
    )
    width = len(counts) * _BAR_STEP - 1
    words = f"{sum(counts)} uses in 24 hours, {most} in the busiest" if most else "No uses in 24 hours"
    return Markup(
        '<svg class="spark" role="img" aria-label="{}" viewBox="0 0 {} {}" width="{}" height="{}">'
        '<path class="ground" d="M0 {}.5h{}"/><path d="{}"/></svg>'
    ).format(words, width, _SPARK_HEIGHT + 1, width, _SPARK_HEIGHT + 1, _SPARK_HEIGHT, width, bars)


def _all_uses(hour: UseRow) -> int:
    return sum(getattr(hour, outcome) for outcome in OUTCOMES)


def _height(count: int, most: int) -> int:
    return max(1, round(count / most * (_SPARK_HEIGHT - 2)))


def counts_bar(counts: Counts) -> Markup:
    """Return what came of the records of a job, as one thin bar. Readers aloud pass it over: the numbers are by it."""
    parts, start = Markup(), 0
    for name, count in (("success", counts.success), ("failed", counts.failed), ("skipped", counts.skipped)):
        parts += Markup('<rect class="{}" x="{}" width="{}" height="1"/>').format(name, start, count)
        start += count
    return Markup(
        '<svg class="counts-bar" aria-hidden="true" viewBox="0 0 {} 1" preserveAspectRatio="none">{}</svg>'
    ).format(counts.total, parts)


def usage_chart(hours: Sequence[UseRow], labels: Sequence[str], words: str) -> Markup:
    """Return uses by hour or day as stacked bars, by what came of them. words: what it shows, for who can't see it."""
    chart = pygal.StackedBar(
        css=[],
        js=[],
        width=_WIDTH,
        height=_HEIGHT,
        show_legend=False,
        show_minor_x_labels=False,
        x_labels_major_every=_LABELLED_EVERY,
        max_scale=4,
        truncate_label=-1,
        margin=4,
        margin_left=8,
        spacing=8,
        value_formatter=lambda value: f"{value:.0f}" if value == int(value) else "",
        disable_xml_declaration=True,
        # A chart of nothing would have a scale of fractions.
        range=None if any(map(_all_uses, hours)) else (0, 4),
    )
    chart.x_labels = list(labels)
    for outcome in OUTCOMES:
        chart.add(outcome, [getattr(hour, outcome) for hour in hours])
    tree: ET.Element = chart.render_tree()
    _clean(tree)
    tree.attrib = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": f"0 0 {_WIDTH} {_HEIGHT}",
        "class": "chart",
        "role": "img",
        "aria-label": words,
    }
    return Markup(ET.tostring(tree, encoding="unicode"))  # noqa: S704 - made of numbers and our own words by ElementTree


def _clean(element: ET.Element) -> None:
    """Leave out comments, scripts, styles of its own and what only its script would use."""
    for child in list(element):
        is_comment = not isinstance(child.tag, str)
        if is_comment or child.tag in _NOT_SHOWN or child.tag == "desc" or child.get("class", "").startswith("tooltip"):
            element.remove(child)
        else:
            _clean(child)
