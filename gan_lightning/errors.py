"""The one exception that a user's mistake raises."""


class UserError(ValueError):
    """A mistake that the user can mend, said in one line: the value, the rule, the key to change.

    The command line prints the line and stops with status 2; a script sees an ordinary `ValueError`.
    """
