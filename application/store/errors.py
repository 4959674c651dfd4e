"""What the store says when it can't do its work."""


class StoreUnavailableError(Exception):
    """The database can't be reached, or did not answer in time. What was asked may or may not have been done."""


class StoreSessionError(StoreUnavailableError):
    """A session with the database is not what was meant, and is not used. The message is one line that says what to do.

    It can be shown to anybody.
    """


class ConflictError(Exception):
    """Another writer was faster: a stream that the decision was based on has gone on since. Nothing was appended."""


class StoreSetupError(Exception):
    """The store can't be used as it is set up. The message is one line that says what to do."""
