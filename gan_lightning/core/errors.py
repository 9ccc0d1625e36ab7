"""The exceptions that a user sees as one line."""


class UserError(ValueError):
    """A mistake that the user can mend, said in one line: the value, the rule, the key to change.

    The command line prints the line and stops with status 2; a script sees an ordinary `ValueError`.
    """


class TrainingError(UserError):
    """Training cannot go on. Every process raises it at the same iteration, with the same words.

    Args:
        message: What is wrong.
        whole: Whether nothing of the present iteration has been learnt yet, so that the state is worth saving.
        complete: Whether the message says already from which checkpoint to go on.
    """

    def __init__(self, message: str, whole: bool = False, complete: bool = False) -> None:
        super().__init__(message)
        self.whole, self.complete = whole, complete
