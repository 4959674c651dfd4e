"""The group of commands `rpawatch audit`, which modules of their own add to."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Final, ParamSpec

import typer

from domain.proof.check import DOES_NOT_HOLD, NOT_CHECKED
from domain.proof.errors import MalformedError, ProofError
from interfaces.cli.failures import expected_failure
from interfaces.cli.output import CommandError

P = ParamSpec("P")

AUDIT: Final = typer.Typer(no_args_is_help=True)


class NotHoldingError(CommandError):
    """The proof or the log does not hold."""

    exit_code = DOES_NOT_HOLD


class NotCheckedError(CommandError):
    """The check could not be made: nothing is known."""

    exit_code = NOT_CHECKED


def checks(command: Callable[P, int]) -> Callable[P, int]:
    """Give a command the exit codes of a check: 0 it holds, 1 it does not, 2 it could not be checked.

    A script that asks whether a log is whole must not take a database that is away for an answer.
    """

    @wraps(command)
    def checking(*arguments: P.args, **named: P.kwargs) -> int:
        try:
            return command(*arguments, **named)
        except ProofError as error:
            raise NotHoldingError(f"It does not hold. {error}") from None
        except MalformedError as error:
            raise NotCheckedError(f"It could not be checked. {error}") from None
        except CommandError as error:
            raise NotCheckedError(str(error)) from None
        except Exception as error:
            expected = expected_failure(error)
            if expected is None:
                raise
            raise NotCheckedError(f"It could not be checked. {expected[1]}") from None

    return checking
