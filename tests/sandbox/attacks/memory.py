"""Forging the peak: false meters, a new start, and memory that was there before."""

from rewards.records import Status
from tests.sandbox.attacks.attack import (
    Attack,
    both,
    hides_at_most,
    nothing,
    prints,
    refused,
    takes,
)

_SLACK_MIB = 1.0
"""What a program may keep in the buffers of the few pipes that it can open."""


ATTACKS = (
    Attack(
        "locked_and_moved_pages",
        """
block = ctypes.create_string_buffer(1 << 16)
at = ctypes.addressof(block)
for number in (149, 325): attempt(syscall, number, at, 4096, 0)
attempt(syscall, 151, 1)
attempt(syscall, 237, at & ~4095, 4096, 1, 0, 0, 0)
attempt(syscall, 279, 0, 0, 0, 0, 0, 0)
attempt(syscall, 440, 0, 0, 0, 21, 0)
""",
        refused(),
    ),
    Attack(
        "reset_the_peak",
        """
block = bytearray(b'x') * (40 << 20)
del block
attempt(open, '/proc/self/clear_refs', 'w')
attempt(open, f'/proc/{os.getpid()}/clear_refs', 'w')
attempt(open, '/proc/self/reclaim', 'w')
""",
        both(refused("ENOENT", "EROFS"), takes(40)),
    ),
    Attack(
        "a_new_program_image",
        """
block = bytearray(b'x') * (40 << 20)
del block
attempt(os.execv, sys.executable, ['python', '-c', 'print(1)'])
""",
        both(refused("ENOENT"), takes(40)),
    ),
    Attack(
        "memory_map_settings",
        """
attempt(syscall, 157, 35, 1, id(object), 0, 0)
attempt(syscall, 157, 67, 1, 0, 0, 0)
attempt(syscall, 157, 41, 1, 0, 0, 0)
""",
        refused(),
    ),
    Attack(
        "killer_of_others",
        """
for p in ('self', os.getppid(), 1):
    for f in ('oom_score_adj', 'oom_adj', 'coredump_filter'):
        attempt(open, f'/proc/{p}/{f}', 'w')
""",
        refused("ENOENT", "EROFS"),
    ),
    Attack(
        "outside_of_the_allocator",
        """
import mmap
b = mmap.mmap(-1, 30 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for i in range(0, 30 << 20, 4096): b[i] = 1
b.close()
print('done')
""",
        both(prints("done\n"), takes(30)),
    ),
    Attack(
        "short_spike",
        "b = bytearray(b'x') * (60 << 20)\ndel b\nprint('done')",
        both(prints("done\n"), takes(60)),
    ),
    Attack(
        "spike_in_a_thread_at_exit",
        """
import atexit
def spike():
    b = bytearray(b'x') * (50 << 20)
    print('done')
    os._exit(0) if sys.stdout.flush() is None else 0
atexit.register(lambda: spike())
""",
        both(prints("done\n"), takes(50)),
    ),
    Attack(
        "patched_meters",
        """
import resource, tracemalloc
tracemalloc.start()
b = bytearray(b'x') * (40 << 20)
tracemalloc.reset_peak(); tracemalloc.stop()
resource.getrusage = lambda _: type('U', (), {'ru_maxrss': 0})
print('done')
""",
        both(prints("done\n"), takes(40)),
    ),
    Attack(
        "shed_pages",  # of the interpreter, to fill the gap unseen
        """
import mmap
block = mmap.mmap(-1, 1 << 16, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
at = ctypes.addressof(ctypes.c_char.from_buffer(block))
for advice in (4, 8, 9, 10, 12, 18, 20, 21, 24, 25, 102, 103):
    attempt(syscall, 28, at, 4096, advice)
    attempt(syscall, 28, id(object) & ~4095, 4096, advice)
""",
        refused(),
    ),
    Attack(
        "share_pages_of_zeros",  # which stay when they are unmapped, and come back
        """
attempt(open, "/dev/zero", "r+b")
attempt(os.open, "/dev/zero", os.O_RDWR)
""",
        refused("ENOENT"),
    ),
    Attack(
        "unmap_the_interpreter",  # ends it at once, where it may be done
        """
for name in ("object", "sys", "os", "_libc", "threading"):
    page = id(globals().get(name, object)) & ~4095
    attempt(syscall, 11, page, 4096)
    attempt(syscall, 25, page, 4096, 8192, 1, 0)
    attempt(syscall, 10, page, 4096, 0)
    attempt(syscall, 9, page, 4096, 3, 0x32, -1, 0)
""",
        refused(),
        needs="interpreter_sealed",
    ),
    Attack(
        "reuse_what_was_preloaded",
        """
import gc
gc.unfreeze()
for name in ("typing", "dataclasses", "inspect", "decimal", "_pydecimal", "fractions", "statistics",
             "calendar", "datetime", "json", "pprint", "queue", "random", "string", "textwrap",
             "traceback", "unicodedata", "numbers", "ast", "dis", "opcode", "tokenize", "rewards"):
    for module in [n for n in sys.modules if n.split(".")[0] == name]:
        gone = vars(sys.modules.pop(module))
        gone.clear() if isinstance(gone, dict) else None
gc.collect()
b = [b"%100d" % i for i in range(40_000)]
print(40_000 * 133, flush=True)
os._exit(0)
""",
        hides_at_most(_SLACK_MIB),
    ),
    Attack("address_space", "b = bytearray(1 << 40)", nothing, Status.MEMORY_LIMIT),
    Attack(
        "slow_leak",
        "b = []\nwhile True: b.append(b'x' * (1 << 20))",
        takes(200),
        Status.MEMORY_LIMIT,
    ),
    Attack(
        "caught_out_of_memory",
        """
b = []
for _ in range(3):
    try:
        while True: b.append(b'x' * (1 << 20))
    except MemoryError: pass
print('done')
""",
        both(prints("done\n"), takes(200)),
    ),
)
