"""Each refusal of the domain is a problem over HTTP, in the words that it has everywhere."""

from __future__ import annotations

import orjson
import pytest

from domain import errors
from interfaces.http.problems import PROBLEMS, document, problem_of
from tests.support.refusals import EVERY_REFUSAL


@pytest.mark.parametrize("error", EVERY_REFUSAL, ids=lambda error: type(error).__name__)
def test_every_refusal_of_the_domain_is_a_problem_that_has_a_status(error: errors.DomainError) -> None:
    status, _, body = document(problem_of(error), instance="/", request_id="1")
    told = orjson.loads(body)
    assert told["type"] == f"/problems/{error.slug}"
    assert status == told["status"] == PROBLEMS[error.slug].status
    assert 400 <= status < 500 or isinstance(error, errors.HashingBusyError)


@pytest.mark.parametrize("error", EVERY_REFUSAL, ids=lambda error: type(error).__name__)
def test_a_refusal_says_what_was_wrong_in_whole_sentences(error: errors.DomainError) -> None:
    assert error.advice.endswith(".")
    assert error.advice[0].isupper() or error.advice.startswith("flow_id")


def test_where_rules_are_broken_the_body_is_pointed_into() -> None:
    rules = [errors.FieldError("name", "must not be blank"), errors.FieldError("", "must differ")]
    _, _, body = document(problem_of(errors.InvalidInputError(rules)), instance="/", request_id="1")
    assert orjson.loads(body)["errors"] == [
        {"pointer": "/name", "message": "must not be blank"},
        {"pointer": "", "message": "must differ"},
    ]
