"""Using up what is shared: memory, descriptors, output, time; and crashing on the way."""

from rewards.records import Status
from tests.sandbox.attacks.attack import Attack, both, ends_by, nothing, prints, takes

_SIGSEGV = 11
_RUNS_OUT = frozenset({Status.MEMORY_LIMIT})
_CRASHES = frozenset({Status.RUNTIME_ERROR})

ATTACKS = (
    Attack("memory_at_once", "b = bytearray(b'x') * (10 << 30)", nothing, _RUNS_OUT),
    Attack("doubling_list", "b = [0]\nwhile True: b += b", takes(100), _RUNS_OUT),
    Attack("huge_integer", "b = 1 << (1 << 40)", nothing, _RUNS_OUT),
    Attack("huge_power", "b = 10 ** 10 ** 9", nothing, Status.TIME_LIMIT, 0.2),
    Attack("huge_format", "b = '%2000000000d' % 1", nothing, _RUNS_OUT),
    Attack("huge_repeat", "import itertools\nb = list(itertools.repeat(0))", takes(100), _RUNS_OUT),
    Attack(
        "zip_bomb",
        """
import zlib
small, held = zlib.compress(bytes(16 << 20), 1), []
while True: held.append(zlib.decompress(small))
""",
        nothing,
        _RUNS_OUT,
    ),
    Attack(
        "entity_bomb",
        "import json\ns = '[' * 100000\njson.loads(s)",
        nothing,
        _CRASHES,
    ),
    Attack(
        "colliding_hashes",
        "d = {}\nm = (1 << 61) - 1\nwhile True:\n    for i in range(10**6): d[i * m] = i",
        nothing,
        frozenset({Status.TIME_LIMIT}),
        0.4,
    ),
    Attack(
        "backtracking", "import re\nre.match('(a*)*b', 'a' * 60)", nothing, Status.TIME_LIMIT, 0.3
    ),
    Attack("one_long_call", "sum(iter(int, 1))", nothing, Status.TIME_LIMIT, 0.2),
    Attack("recursion", "def f(): f()\nf()", nothing, _CRASHES),
    Attack(
        "unlimited_recursion",
        "sys.setrecursionlimit(1 << 30)\ndef f(): f()\nf()",
        nothing,
        frozenset({Status.RUNTIME_ERROR, Status.MEMORY_LIMIT, Status.TIME_LIMIT}),
        0.5,
    ),
    Attack(
        "recursion_in_c",
        """
sys.setrecursionlimit(1 << 30)
class A:
    def __repr__(self): return repr([self])
repr(A())
""",
        nothing,
        frozenset({Status.RUNTIME_ERROR, Status.MEMORY_LIMIT, Status.TIME_LIMIT}),
        0.5,
    ),
    Attack("null_pointer", "ctypes.string_at(0)", ends_by(_SIGSEGV), _CRASHES),
    Attack(
        "null_pointer_again_and_again",
        "_libc.signal(11, ctypes.cast(_libc.abs, ctypes.c_void_p))\nctypes.string_at(0)",
        nothing,
        frozenset({Status.TIME_LIMIT, Status.RUNTIME_ERROR}),
        0.3,
    ),
    Attack(
        "output_without_end",
        "while True: sys.stdout.write('x' * 10**6)",
        nothing,
        Status.OUTPUT_LIMIT,
    ),
    Attack(
        "errors_without_end",
        "while True: sys.stderr.write('x' * 10**6)",
        nothing,
        Status.OUTPUT_LIMIT,
    ),
    Attack(
        "output_past_its_end",
        """
import signal
signal.signal(25, signal.SIG_IGN)
try:
    os.pwrite(1, b'x', 1 << 40)
except OSError as error:
    assert error.errno == errno.EFBIG
print('done')
""",
        prints("done\n"),
    ),
    Attack(
        "sparse_output",
        "os.pwrite(1, b'x', (1 << 20) - 1)\nos.lseek(1, 0, 2)\nos.write(1, b'yy')\n",
        nothing,
        Status.OUTPUT_LIMIT,
    ),
    Attack(
        "descriptors",
        """
held = []
try:
    while True: held.append(os.dup(0))
except OSError as error: assert error.errno == errno.EMFILE
print(len(held) < 64)
""",
        prints("True\n"),
    ),
    Attack(
        "threads_with_big_stacks",
        """
threading.stack_size(512 << 20)
try:
    threading.Thread(target=print).start()
except RuntimeError: print('refused')
""",
        prints("refused\n"),
    ),
    Attack(
        "waiting_for_nobody",
        "reader, writer = os.pipe()\nos.read(reader, 1)",
        nothing,
        Status.TIME_LIMIT,
        0.2,
    ),
    Attack(
        "deadlock",
        "l = threading.Lock(); l.acquire(); l.acquire()",
        nothing,
        Status.TIME_LIMIT,
        0.2,
    ),
    Attack(
        "thread_that_never_ends",
        "threading.Thread(target=lambda: time.sleep(99)).start()\nprint('done')",
        nothing,
        Status.TIME_LIMIT,
        0.2,
    ),
    Attack(
        "core_dump",
        """
import resource
b = bytearray(b'x') * (30 << 20)
try: resource.setrlimit(resource.RLIMIT_CORE, (-1, -1))
except ValueError: pass
ctypes.string_at(0)
""",
        both(ends_by(_SIGSEGV), takes(30)),
        _CRASHES,
    ),
    Attack(
        "many_mappings",
        """
import mmap
held = []
try:
    for i in range(70000):
        held.append(mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, 1 + 2 * (i % 2)))
except OSError: pass
print('done')
""",
        prints("done\n"),
    ),
    Attack(
        "pickle_of_death",
        "import pickle\npickle.loads(b'\\x80\\x04\\x95' + b'\\xff' * 8 + b'.')",
        nothing,
        frozenset({Status.RUNTIME_ERROR, Status.MEMORY_LIMIT}),
    ),
    Attack(
        "peak_then_timeout",
        "b = bytearray(b'x') * (20 << 20)\nwhile True: pass",
        takes(20),
        Status.TIME_LIMIT,
        0.4,
    ),
)
