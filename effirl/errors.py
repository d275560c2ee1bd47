"""A mistake of the user's: scripts print it as one line and exit with status 2."""


class UserError(ValueError):
    """What is wrong, where, and the next step, in one line."""
