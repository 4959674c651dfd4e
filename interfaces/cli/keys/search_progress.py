"""How far a search is, in a terminal."""

from __future__ import annotations

from interfaces.cli.progress_line import ProgressLine, bytes_in_words


class SearchProgress(ProgressLine):
    """A line with files, bytes and speed."""

    def __init__(self) -> None:
        super().__init__("Searching")

    def update(self, files: int, read: int) -> None:
        """Show these numbers, unless others were shown just now."""
        self.show(lambda: f"Searched {files:,} files, {bytes_in_words(read)}", read)
