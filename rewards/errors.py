"""What can go wrong outside of the program that is being scored.

A program's own failure is a `rewards.records.Status`. These are ours, or the caller's.
"""


class SandboxError(RuntimeError):
    """We failed to run or measure a program: never the program's fault, never a reward."""


class IsolationError(SandboxError):
    """This machine cannot isolate programs as well as the configured floor asks."""


class LimitError(IsolationError):
    """A hard limit of the caller's shell or container leaves programs less than they are to get."""


class ProblemError(ValueError):
    """A problem is unusable: its data is malformed, or its source program fails its own tests."""
