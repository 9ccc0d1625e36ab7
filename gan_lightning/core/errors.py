"""Exceptions that the command line shows as one line, and text from strangers in them."""


class UserError(ValueError):
    """A mistake that the user can fix, in one line: the value, the rule, the key to change.

    The command line prints the line and exits with status 2; a script sees an ordinary `ValueError`. Control
    characters in the names of files and classes are escaped.

    Args:
        message: The line.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class TrainingError(UserError):
    """Training cannot continue. Every process raises it in the same iteration with the same message.

    Args:
        message: The problem, in one line.
        whole: Whether the current iteration has updated no weights yet, so that the state is worth saving.
        complete: Whether the message already names the checkpoint to resume from.
    """

    def __init__(self, message: str, whole: bool = False, complete: bool = False) -> None:
        super().__init__(message)
        self.whole, self.complete = whole, complete


def printable(text: object) -> str:
    """Returns text with its control characters escaped, so that a file's name cannot steer a terminal.

    Spaces and letters of all scripts stay; so do line breaks and tabs, which our own messages hold.
    """
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in str(text))
