"""Sign-ins by the dozen from one address: they get no more than their share, and honest people sign in meanwhile."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from domain.limits import SIGN_IN_FAILURES_PER_ADDRESS_MAX, SIGN_IN_FAILURES_PER_PAIR_MAX
from tests.support.api import SESSION, Answer
from tests.support.effort import effort
from tests.support.service import ADMIN_EMAIL, ADMIN_PASSWORD, Service, tell

AT_ONCE = 24
HONEST = effort(3, 60)


def sign_in(service: Service, email: str, password: str, address: str) -> Answer:
    """Ask for a session, from an address that the trusted proxy tells."""
    body = {"email": email, "password": password}
    return service.ask("POST", SESSION, json=body, headers={"X-Forwarded-For": address})


def honest_sign_in(service: Service, address: str) -> Answer:
    """Ask as somebody does who has the right password.

    In the default run, which shares its machine, a 503 is asked again as it says, as any client does.
    """
    answer = sign_in(service, ADMIN_EMAIL, ADMIN_PASSWORD, address)
    for _ in range(effort(3, 0)):
        if answer.status != 503:
            break
        threading.Event().wait(int(answer.headers["retry-after"]))
        answer = sign_in(service, ADMIN_EMAIL, ADMIN_PASSWORD, address)
    return answer


def test_a_flood_from_one_address_gets_its_share_and_keeps_nobody_out_who_comes_from_another(service: Service) -> None:
    address = f"2001:db8:bad:{uuid4().hex[:4]}::1"
    began, enough = threading.Barrier(AT_ONCE + 1), threading.Event()

    def flood(number: int) -> Counter[tuple[str, int]]:
        """In the name of one who is there, and of others who are not."""
        answers: Counter[tuple[str, int]] = Counter()
        began.wait(30)
        while not enough.is_set():
            name = "one" if answers.total() % 2 else "others"
            email = ADMIN_EMAIL if name == "one" else f"nobody-{number}-{answers.total()}@example.com"
            answer = sign_in(service, email, "a wrong password for sure", address)
            assert answer.status == 401 or int(answer.headers["retry-after"]) > 0
            answers[name, answer.status] += 1
        return answers

    with ThreadPoolExecutor(AT_ONCE) as pool:
        floods = [pool.submit(flood, number) for number in range(AT_ONCE)]
        began.wait(30)
        try:
            honest = [
                honest_sign_in(service, f"2001:db8:{number:x}:{uuid4().hex[:4]}::1").status for number in range(HONEST)
            ]
        finally:
            enough.set()
        counted = sum((each.result(60) for each in floods), Counter[tuple[str, int]]())
    tell(f"the flood: {dict(counted)}; honest: {honest}")
    assert honest == [200] * HONEST
    assert {status for _, status in counted} <= {401, 429, 503}
    assert counted["one", 401] <= SIGN_IN_FAILURES_PER_PAIR_MAX
    assert counted["one", 401] + counted["others", 401] <= SIGN_IN_FAILURES_PER_ADDRESS_MAX
    assert counted["others", 429] > AT_ONCE, "refused at once, and as often as it came back"
