"""The one exception that users are meant to see."""


class MmfeatError(Exception):
    """A failure the user can mend.

    The message is one sentence that says what is wrong with which file or
    value, and what to do. The command line prints it and exits with 1.
    """
