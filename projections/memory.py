"""Memory that was used for something large, and is of no use afterwards."""

from __future__ import annotations

import ctypes
from contextlib import suppress


def give_back() -> None:
    """Give memory that is free back to the system. glibc keeps it for as long as anything above it is in use.

    Where the allocator is another one, nothing happens.
    """
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
