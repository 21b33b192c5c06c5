"""The two ways in which work ends early, told apart by whoever started it."""


class InputError(ValueError):
    """The input cannot be used.

    The message is one sentence for the person at the screen: what was found, what was expected,
    what to do. The command line prints it alone and exits with 2; the panel shows it as it is.
    """


class Cancelled(Exception):  # noqa: N818
    """The person asked to stop; nothing is wrong and nothing was left half-written."""
