"""What the other tests of the pages take for granted: a browser that complains, and rules that are broken, are seen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.pages.accessibility import Axe
    from tests.pages.conftest import VisitAs


@pytest.mark.parametrize(
    ("does", "complaint"),
    [
        ("location.assign('http://elsewhere.example/')", "asks another host: http://elsewhere.example/"),
        ("fetch('http://elsewhere.example/').catch(() => {})", "Content Security Policy"),
        ("document.body.setAttribute('style', 'color: red')", "Content Security Policy"),
        (
            "document.body.append(Object.assign(document.createElement('script'), {text: '1'}))",
            "Content Security Policy",
        ),
        ("document.body.append(Object.assign(new Image(), {src: '/assets/none'}))", "404: GET .*/assets/none"),
        ("setTimeout(() => { throw new Error('broken') })", "error: broken"),
        ("console.error('odd')", "error: odd"),
    ],
)
def test_what_no_page_may_do_is_a_complaint(visit: VisitAs, does: str, complaint: str) -> None:
    looking = visit()
    looking.go("/sign-in")
    looking.page.evaluate(f"() => {{ {does} }}")
    looking.wait_until(lambda: any(re.search(complaint, said) for said in looking.watch.complaints), complaint)
    looking.watch.complaints.clear()


def test_a_page_that_breaks_a_rule_is_found(visit: VisitAs, axe: Axe) -> None:
    looking = visit()
    looking.go("/sign-in")
    assert axe.violations(looking.page) == []
    looking.page.evaluate("document.querySelector('label[for=email]').remove()")
    [found] = axe.violations(looking.page)
    assert found.startswith("label: ")
    assert 'id="email"' in found
