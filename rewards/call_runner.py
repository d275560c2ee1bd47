"""What stands around a function-style program inside its process; see `functions`.

The worker imports this before it forks, so that a run costs next to nothing for it. Nothing here is
out of the program's reach, so nothing here decides anything: it hands over arguments and writes
down values.
"""

import os
import sys
from collections.abc import Callable
from typing import Any

from rewards.values import ListNode, TreeNode, decode, encode, list_node, tree_node


def begin(namespace: dict[str, Any]) -> tuple[Any, Callable[[object], None], Callable[[], None]]:
    """Prepare the program's namespace and take its streams away.

    Returns:
        The arguments from standard input; a function that writes a value down at once, as later
        calls may change it; one that prints what was written down.
    """
    data = decode(sys.stdin.buffer.read())
    print_all = _lend(namespace)
    values: list[str] = []
    return (
        data,
        lambda value: values.append(encode(value)),
        lambda: print_all(f"[{', '.join(values)}]"),
    )


def begin_checked(namespace: dict[str, Any]) -> Callable[[], None]:
    """Prepare a program whose asserts run beside it; the result proves that they came to an end."""
    print_all = _lend(namespace)
    return lambda: print_all(sys.stdin.read())


def _lend(namespace: dict[str, Any]) -> Callable[[str], None]:
    """Make the program a module with LeetCode's nodes, whose prints go nowhere.

    Returns:
        What prints to the standard output that was.
    """
    # Not __main__: a program that prints a demonstration when run as a script must not do so here.
    namespace["__name__"] = "solution"
    sys.modules["solution"] = sys.modules["__main__"]
    namespace.update(
        ListNode=ListNode,
        TreeNode=TreeNode,
        # The program may define nodes of its own, and then expects those.
        list_node=lambda values: list_node(values, namespace["ListNode"]),
        tree_node=lambda values: tree_node(values, namespace["TreeNode"]),
    )
    answers = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)

    def print_all(text: str) -> None:
        rest = memoryview(text.encode())
        while rest:
            rest = rest[os.write(answers, rest) :]

    return print_all
