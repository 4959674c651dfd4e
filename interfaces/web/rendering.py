"""Templates, and how times and numbers read in them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from domain import limits
from domain.key_secret import MARK
from domain.names import is_blank
from interfaces.web.assets import asset_address
from interfaces.web.charts import counts_bar, sparkline

if TYPE_CHECKING:
    from domain.report import Counts

_STEPS: Final = (
    (timedelta(days=365), "year"),
    (timedelta(days=30), "month"),
    (timedelta(days=1), "day"),
    (timedelta(hours=1), "hour"),
    (timedelta(minutes=1), "minute"),
)
_SHORT: Final = timedelta(minutes=1)


def utc_text(time: datetime) -> str:
    """Return a time as people read it, to the second, in UTC."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def relative_text(time: datetime, now: datetime) -> str:
    """Return how long ago something was, or in how long it will be, in its largest unit."""
    span = now - time
    text = span_text(abs(span))
    if abs(span) < _SHORT:
        return "just now" if span >= timedelta(0) else "in a moment"
    return f"{text} ago" if span > timedelta(0) else f"in {text}"


def span_text(span: timedelta) -> str:
    """Return a span in its largest unit, such as "3 hours"."""
    for step, name in _STEPS:
        if span >= step:
            return number_of(span // step, name)
    return number_of(int(span.total_seconds()), "second")


def number_of(count: int, what: str) -> str:
    """Return so many of something, in words."""
    return f"{number_text(count)} {what}{'' if count == 1 else 's'}"


def counts_text(counts: Counts) -> str:
    """Return what came of the records of a job, in words; nothing when it names none."""
    if not counts.total:
        return ""
    succeeded = f"{number_text(counts.success)} of {number_text(counts.total)} succeeded"
    others = {"failed": counts.failed, "skipped": counts.skipped}
    return ", ".join([succeeded, *(f"{number_text(count)} {name}" for name, count in others.items() if count)])


def number_text(number: int) -> str:
    """Return a whole number with thin spaces between its thousands."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _time(time: datetime | None, now: datetime | None = None, *, none: str = "Never") -> Markup:
    """Return a <time>: relative when `now` is given. A script adds the reader's own zone.

    HTML allows no more than three digits of a second.
    """
    if time is None:
        return Markup('<span class="faint">{}</span>').format(none)
    exact = utc_text(time)
    return Markup('<time datetime="{}" title="{}"{}>{}</time>').format(
        time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        exact,
        Markup(" data-relative") if now else "",
        relative_text(time, now) if now else exact,
    )


def _day_typed(text: str) -> str:
    """Return a day as a control for days takes it: HTML has one spelling, and browsers show nothing for another."""
    try:
        return date.fromisoformat(text.strip()).isoformat()
    except ValueError:
        return ""


def _second_typed(text: str) -> str:
    """Return a time without a zone as a control for such times takes it."""
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=None).isoformat(timespec="seconds")
    except ValueError:
        return ""


def _prefix(prefix: str) -> Markup:
    """Return the beginning of a key, which is all of it that is kept in the clear."""
    return Markup("<code>{}{}…</code>").format(MARK, prefix)


def _duration(seconds: float) -> str:
    """Return how long a job took."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:  # noqa: PLR2004 - seconds of a minute
        return f"{seconds:.3g} s"
    whole = round(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {whole % 60:02} s"


def _seen(text: str) -> str:
    """Return the text of a link, or words in its place: robots were called what nobody sees before that was refused."""
    return "(a blank name)" if is_blank(text) else text


def make_environment() -> Environment:
    """Return the templates, with what they all may use."""
    environment = Environment(
        loader=PackageLoader("interfaces.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {
        "time": _time,
        "number": number_text,
        "number_of": number_of,
        "duration": _duration,
        "day_typed": _day_typed,
        "second_typed": _second_typed,
        "prefix": _prefix,
        "counts": counts_text,
        "counts_bar": counts_bar,
        "sparkline": sparkline,
        "seen": _seen,
    }
    environment.globals |= {"asset": asset_address, "limits": limits}
    return environment


_ENVIRONMENT = make_environment()


def render(template: str, **values: object) -> str:
    """Return a page. template: the name of a file in templates/."""
    return _ENVIRONMENT.get_template(template).render(**values)
