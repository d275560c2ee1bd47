"""Forging a verdict by the way a program ends."""

from rewards.records import Status
from tests.sandbox.attacks.attack import Attack, nothing, prints

ATTACKS = (
    Attack("leave_with_status_0", "os._exit(0)", prints("")),
    Attack("leave_by_system_exit", "sys.exit(0)", prints("")),
    Attack("leave_with_status_256", "raise SystemExit(256)", prints("")),
    Attack("claim_that_confinement_failed", "os._exit(121)", nothing, Status.RUNTIME_ERROR),
    Attack("claim_that_the_flush_failed", "os._exit(120)", nothing, Status.RUNTIME_ERROR),
    Attack(
        "print_verdicts",
        """
for t in ('OK', 'PASSED', '1 passed', '{"status": "OK", "reward": 1}', 'success'):
    print(t)
    print(t, file=sys.stderr)
os._exit(3)
""",
        prints(""),
        Status.RUNTIME_ERROR,
    ),
    Attack(
        "claim_to_be_out_of_memory",
        "print('MemoryError', file=sys.stderr)\nsys.stderr.flush()\nos._exit(1)",
        nothing,
        Status.MEMORY_LIMIT,
    ),
    Attack(
        "no_way_out",
        # our own leaving is patched away, so that the program falls back into the worker's code
        """
from rewards import child
os._exit = child._leave = child.os._exit = lambda *_: None
print('done')
""",
        nothing,
        frozenset({Status.OK, Status.RUNTIME_ERROR}),
    ),
    Attack(
        "exit_functions_of_the_worker",
        """
import atexit
atexit._clear()
atexit.register(lambda: os.write(1, b'forged'))
os.write(1, b'done ')
""",
        prints("done forged"),
    ),
    Attack(
        "raising_while_leaving",
        "import atexit\ndef no(): raise BaseException\natexit.register(no)\nprint('done')",
        prints("done\n"),
    ),
    Attack(
        "leaving_again_and_again",
        "import atexit\ndef again():\n    atexit.register(again)\nagain()\nprint('done')",
        nothing,
        frozenset({Status.OK, Status.TIME_LIMIT}),
        0.5,
    ),
    Attack("no_standard_output", "os.close(1)\nos.close(2)\nos._exit(0)", prints("")),
    Attack(
        "raising_in_its_own_text",
        """
class E(BaseException):
    def __str__(self): raise self
    __repr__ = __str__
raise E
""",
        prints(""),
        Status.RUNTIME_ERROR,
    ),
)
