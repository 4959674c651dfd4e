"""Searching files, folders and standard input for keys."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Final, cast

from interfaces.cli.keys.scanner import Find, KeyScanner, ReadInto
from interfaces.cli.output import notify

if TYPE_CHECKING:
    from io import BufferedReader

STANDARD_INPUT: Final = "-"
"""The path that stands for it."""
_Open = Callable[[str], AbstractContextManager[ReadInto]]


class KeySearch:
    """A search through paths.

    What the paths name is read, whatever it is, as through a link or from a pipe. In a folder all files are, in the
    folders in it as well, but no links, which can lead round in circles, and no pipes, sockets and devices, which can
    keep a reader waiting for ever.

    unreadable: is told each path that can't be read, with the reason. progress: is called after each piece.
    folders: False to take them as what can't be read.
    """

    def __init__(
        self,
        paths: Iterable[str],
        unreadable: Callable[[str, str], None],
        progress: Callable[[], object] = int,
        *,
        folders: bool = True,
    ) -> None:
        self.files = 0
        self.bytes = 0
        self._paths = paths
        self._unreadable = unreadable
        self._progress = progress
        self._folders = folders
        self._scanner = KeyScanner()

    def finds(self) -> Iterator[tuple[str, Find]]:
        """Yield each key with the path where it is."""
        for path in self._paths:
            if path == STANDARD_INPUT:
                yield from self._in(path, _standard_input)
            elif self._folders and _is_folder(path):
                yield from self._in_folder(path)
            else:
                yield from self._in(path, _named_file)

    def _in_folder(self, top: str) -> Iterator[tuple[str, Find]]:
        folders = [top]
        while folders:
            folder = folders.pop()
            try:
                with os.scandir(folder) as entries:
                    for entry in entries:
                        if self._is(entry, os.DirEntry.is_dir):
                            folders.append(entry.path)
                        elif self._is(entry, os.DirEntry.is_file):
                            yield from self._in(entry.path, _file_of_a_folder)
            except OSError as error:
                self._unreadable(folder, _reason(error))

    def _is(self, entry: os.DirEntry[str], kind: Callable[..., bool]) -> bool:
        try:
            return kind(entry, follow_symlinks=False)
        except OSError as error:
            self._unreadable(entry.path, _reason(error))
            return False

    def _in(self, path: str, opened: _Open) -> Iterator[tuple[str, Find]]:
        # What goes wrong where a find is used is not raised in here, so this hears of reading only.
        try:
            with opened(path) as read_into:
                self.files += 1
                for find in self._scanner.finds(read_into, self._count):
                    yield path, find
        except OSError as error:
            self._unreadable(path, _reason(error))

    def _count(self, read: int) -> None:
        self.bytes += read
        self._progress()


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)  # noqa: PTH116 - a Path would make `./-` standard input
    except OSError:
        return False  # opening it will say why


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__


@contextmanager
def _standard_input(_: str) -> Iterator[ReadInto]:
    if sys.stdin.isatty():
        notify("Searching what is typed in the terminal; end it with Ctrl+D.")
    # Takes what a pipe holds now: what is found is told before the pipe ends.
    yield cast("BufferedReader", sys.stdin.buffer).readinto1


@contextmanager
def _named_file(path: str) -> Iterator[ReadInto]:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - as above
        yield file.readinto


@contextmanager
def _file_of_a_folder(path: str) -> Iterator[ReadInto]:
    # It was a file when the folder was listed. A link or a pipe that stands there since is not followed or waited for.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123 - as above
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "No file any more")
        yield file.readinto
