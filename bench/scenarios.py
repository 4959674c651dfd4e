"""What is measured: one function per part, in the order in which they run. Each loads its services in turns."""

from __future__ import annotations

import statistics
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.figures import Figure, Target, Turn, best_ratios, ratios
from bench.load import post, run
from bench.services import BARE, DJANGO, PATH, PLAIN, WATCH_1, WATCH_2, report_body
from domain import key_secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.figures import Results
    from bench.services import Contenders
    from bench.testbed import Running, Testbed

CONNECTIONS = 16
MANY_CONNECTIONS = 64
ROUNDS = 5
"""After one that warms up."""
SHARED_KEYS = 50
STRANGERS = 12_000
"""More addresses than a service remembers, so that none of them is over its limit of bad keys."""
_ONE_ADDRESS = "10.200.0.1"
DETAILS = 3
WATCHES = (WATCH_1, WATCH_2)
_PRIME_SECONDS = 0.2
_PRIMES_MAX = 10


@dataclass(frozen=True)
class Case:
    """A load for a service. expected: the statuses that may come; the first one in most answers.

    primed: sent beforehand, so that limits that are to be used up are.
    """

    name: str
    running: Running
    requests: Sequence[bytes]
    connections: int = CONNECTIONS
    expected: tuple[int, ...] = (201,)
    apart: bool = False
    primed: bool = False


def in_turns(testbed: Testbed, cases: Sequence[Case], seconds: float, results: Results) -> dict[str, list[Turn]]:
    """Load every case in each round. Raises RuntimeError for an answer that was not expected."""
    turns: dict[str, list[Turn]] = {case.name: [] for case in cases}
    for number in range(ROUNDS + 1):
        for case in cases:
            turn = _turn(testbed, case, seconds)
            if number:  # the first round warms up
                turns[case.name].append(turn)
    results.turns |= turns
    return turns


def _turn(testbed: Testbed, case: Case, seconds: float) -> Turn:
    running = case.running
    if case.primed:
        _prime(case)
    service, postgres = running.cpu_seconds(), testbed.postgres_cpu_seconds()
    load = run(running.address, case.requests, connections=case.connections, seconds=seconds, apart=case.apart)
    service, postgres = running.cpu_seconds() - service, testbed.postgres_cpu_seconds() - postgres
    answered = sum(load.statuses.values())
    unexpected = [load.answers[status] for status in load.statuses if status not in case.expected]
    if unexpected or load.statuses.get(case.expected[0], 0) < answered / 2:
        raise RuntimeError(f"{case.name}: answered {load.statuses}, expected {case.expected}: {unexpected}")
    return Turn(load, service / answered * 1e6, postgres / answered * 1e6, testbed.rest())


def _prime(case: Case) -> None:
    """Send until the limits are used up. Each try goes through the same requests, so each is longer than the last."""
    for attempt in range(1, _PRIMES_MAX + 1):
        load = run(
            case.running.address,
            case.requests,
            connections=case.connections,
            seconds=_PRIME_SECONDS * attempt,
            apart=True,
        )
        if set(load.statuses) == {case.expected[0]} and sum(load.statuses.values()) >= len(case.requests):
            return


def reports(contenders: Contenders, seconds: float, results: Results) -> None:
    """Send reports of three details to every service."""
    body = report_body(DETAILS)
    with ExitStack() as stack:
        cases = []
        for name in (WATCH_1, WATCH_2, BARE, PLAIN, DJANGO):
            running = stack.enter_context(contenders.running(name))
            cases.append(Case(name, running, contenders.requests(name, body)))
        cases += [
            Case(many(case.name), case.running, case.requests, MANY_CONNECTIONS)
            for case in cases
            if case.name in {WATCH_1, WATCH_2, BARE}
        ]
        turns = in_turns(contenders.testbed, cases, seconds, results)
        for case in cases:
            results.memory_mb[case.name] = case.running.memory_mb()
    for other, target in ((BARE, 0.55), (PLAIN, 4.0), (DJANGO, 7.0)):
        name, values = best_ratios(turns, WATCHES, other)
        results.figures.append(Figure(f"reports/s, to {other}", values, Target("at least", target), of=name))
    faster = max(WATCHES, key=lambda name: statistics.median(turn.load.requests_per_second for turn in turns[name]))
    tails = [turn.load.p99 / turn.load.p50 for turn in turns[faster]]
    results.figures.append(Figure("p99 to p50", tails, Target("at most", 4), of=faster))
    for name in WATCHES:
        values = ratios(turns[many(name)], turns[name])
        results.figures.append(Figure("reports/s, 64 to 16 connections", values, Target("at least", 1), of=name))
    memory = max(results.memory_mb[name] for name in WATCHES)
    results.figures.append(
        Figure("memory of a web process under load", [memory], Target("under", 200), "MB", of="RPA Watch")
    )


def many(name: str) -> str:
    """Return the name of the case with many connections."""
    return f"{name}, {MANY_CONNECTIONS} connections"


def refusals(contenders: Contenders, seconds: float, results: Results) -> None:
    """Send keys over their limit, and keys that are none; against whole reports to bare Falcon."""
    kinds = _refusal_requests(contenders, report_body(DETAILS))
    with ExitStack() as stack:
        bare = stack.enter_context(contenders.running(BARE))
        cases = [Case(f"{BARE}, beside refusals", bare, contenders.requests(BARE, report_body(DETAILS)))]
        for name in WATCHES:
            # Addresses are told by X-Forwarded-For: a load from one machine has one address.
            running = stack.enter_context(contenders.running(name, trusted_proxy="127.0.0.1"))
            cases += [
                Case(f"{name}: {kind}", running, requests, expected=expected, primed=primed)
                for kind, (requests, expected, primed) in kinds.items()
            ]
        turns = in_turns(contenders.testbed, cases, seconds, results)
    for kind in kinds:
        name, values = best_ratios(turns, [f"{name}: {kind}" for name in WATCHES], cases[0].name)
        target = Target("at least", 0.8 if kind == "over limit" else 0.9)
        results.figures.append(Figure("refusals/s, to reports/s of bare Falcon", values, target, of=name))


def _refusal_requests(contenders: Contenders, body: bytes) -> dict[str, tuple[list[bytes], tuple[int, ...], bool]]:
    """Return by kind the requests, the statuses expected, and whether a limit has to be used up first."""
    strangers = [f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(STRANGERS)]
    unknown = [key_secret.generate().text for _ in contenders.secrets]
    broken = [text[:-1] + ("0" if text[-1] != "0" else "1") for text in unknown]

    def sent(keys: Sequence[str], addresses: Sequence[str]) -> list[bytes]:
        return [
            post(PATH, body, {"X-API-Key": keys[number % len(keys)], "X-Forwarded-For": address})
            for number, address in enumerate(addresses)
        ]

    over_limit = [post(PATH, body, {"X-API-Key": secret.text}) for secret in contenders.over_limit]
    return {
        "over limit": (over_limit, (429, 201), True),
        "wrong checksum": (sent(broken, strangers), (401, 429), False),
        "wrong checksum, too often": (sent(broken, [_ONE_ADDRESS] * len(broken)), (429, 401), True),
        "unknown key": (sent(unknown, strangers), (401, 429), False),
    }


def contention(contenders: Contenders, seconds: float, results: Results) -> None:
    """Load two processes on the same keys, and two processes on keys of their own."""
    with contenders.running(WATCH_2) as running:
        requests = contenders.requests(WATCH_2, report_body(DETAILS))
        same = Case(f"{WATCH_2}, the same {SHARED_KEYS} keys", running, requests[:SHARED_KEYS])
        distinct = Case(f"{WATCH_2}, keys of their own", running, requests, apart=True)
        turns = in_turns(contenders.testbed, [same, distinct], seconds, results)
    values = ratios(turns[same.name], turns[distinct.name])
    results.figures.append(
        Figure("reports/s, the same keys to keys of their own", values, Target("at least", 0.7), of=WATCH_2)
    )
