"""What came of it: the turns of each case, and the figures that are held against targets."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bench.load import Load


@dataclass(frozen=True)
class Turn:
    """One case, loaded once.

    service_cpu_us, postgres_cpu_us: processor time per request of the service's processes and of PostgreSQL, in
    microseconds. rest_seconds: how long it took afterwards until all was quiet.
    """

    load: Load
    service_cpu_us: float
    postgres_cpu_us: float
    rest_seconds: float


@dataclass(frozen=True)
class Target:
    """What a figure should be."""

    sense: Literal["at least", "under", "at most"]
    value: float

    def is_met(self, median: float) -> bool:
        """Return whether the figure is as it should be."""
        if self.sense == "at least":
            return median >= self.value
        return median < self.value if self.sense == "under" else median <= self.value


@dataclass(frozen=True)
class Figure:
    """One line of the table: paired ratios, one per round, or repeated measurements. of: the case that it is of."""

    name: str
    values: Sequence[float]
    target: Target | None = None
    unit: str = ""
    of: str = ""

    @property
    def median(self) -> float:
        """The one that is held against the target."""
        return statistics.median(self.values)

    def as_json(self) -> dict[str, Any]:
        """Return it with its target and whether that is met."""
        return {
            "figure": self.name,
            "of": self.of,
            "unit": self.unit or "ratio",
            "median": self.median,
            "min": min(self.values),
            "max": max(self.values),
            "values": list(self.values),
            "target": f"{self.target.sense} {self.target.value:g}" if self.target else None,
            "met": self.target.is_met(self.median) if self.target else None,
        }


@dataclass
class Results:
    """Everything of one run. memory_mb: of the largest process of each service, under load."""

    figures: list[Figure] = field(default_factory=list)
    turns: dict[str, list[Turn]] = field(default_factory=dict)
    memory_mb: dict[str, float] = field(default_factory=dict)
    other: dict[str, Any] = field(default_factory=dict)


def ratios(ours: Sequence[Turn], theirs: Sequence[Turn]) -> list[float]:
    """Return the ratio of requests per second, round by round."""
    return [
        one.load.requests_per_second / other.load.requests_per_second for one, other in zip(ours, theirs, strict=True)
    ]


def best_ratios(turns: Mapping[str, Sequence[Turn]], ours: Iterable[str], theirs: str) -> tuple[str, list[float]]:
    """Return which of ours does best against theirs, and its ratios."""
    by_name = {name: ratios(turns[name], turns[theirs]) for name in ours}
    best = max(by_name, key=lambda name: statistics.median(by_name[name]))
    return best, by_name[best]
