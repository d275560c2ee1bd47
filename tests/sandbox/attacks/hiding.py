"""Memory that a resident-set meter does not see.

A program that keeps data out of sight prints how many bytes it could keep.
"""

from tests.sandbox.attacks.attack import Attack, hides_at_most, prints, refused

_SLACK_MIB = 1.0
"""What a program may keep in the buffers of the few pipes that it can open."""


def _keeps(name: str, body: str) -> Attack:
    return Attack(name, "kept = 0\n" + body + "\nprint(kept)", hides_at_most(_SLACK_MIB))


ATTACKS = (
    _keeps(
        "pipes",
        """
import fcntl
ends = []
try:
    while True:
        reader, writer = os.pipe()
        ends.append(reader)
        try:
            fcntl.fcntl(writer, 1031, 1 << 20)
        except OSError:
            pass
        os.set_blocking(writer, False)
        try:
            while True:
                kept += os.write(writer, bytes(4096))
        except BlockingIOError:
            pass
        os.close(writer)
except OSError as error:
    assert error.errno == errno.EMFILE
""",
    ),
    _keeps(
        "shared_pages_out_of_its_map",
        """
import mmap
try:
    block = mmap.mmap(-1, 32 << 20)
    for at in range(0, 32 << 20, 1 << 20):
        block[at : at + (1 << 20)] = b"x" * (1 << 20)
        block.madvise(mmap.MADV_DONTNEED, at, 1 << 20)
    kept = len(block) * (block[100] == 120)
except PermissionError:
    pass
""",
    ),
    _keeps(
        "shared_pages_mapped_twice",
        """
import mmap
total = 16 << 20
address = _libc.mmap(None, ctypes.c_size_t(total), 3, 0x21, -1, 0)
if address != ctypes.c_void_p(-1).value:
    _libc.mremap.restype = ctypes.c_void_p
    for at in range(0, total, 1 << 20):
        old, size = ctypes.c_void_p(address + at), ctypes.c_size_t(1 << 20)
        window = _libc.mremap(old, ctypes.c_size_t(0), size, 1)
        ctypes.memset(window, 120, 1 << 20)
        _libc.munmap(ctypes.c_void_p(window), ctypes.c_size_t(1 << 20))
        kept += 1 << 20
""",
    ),
    _keeps(
        "swapped_out_on_purpose",
        """
import mmap
block = mmap.mmap(-1, 16 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for at in range(0, 16 << 20, 1 << 20):
    block[at : at + (1 << 20)] = b"x" * (1 << 20)
    for advice in (20, 21):
        try:
            block.madvise(advice, at, 1 << 20)
        except OSError:
            pass
kept = 16 << 20
""",
    ),
    _keeps(
        "on_standard_error",
        "kept = os.write(2, bytes(800_000))\nkept += os.pwrite(2, bytes(100_000), 900_000)",
    ),
    _keeps(
        "reading_back_its_output",
        """
os.write(1, b"7" * 500_000)
for act in (lambda: os.pread(1, 10, 0), lambda: os.open("/dev/stdout", os.O_RDONLY),
            lambda: os.ftruncate(1, 0), lambda: os.posix_fallocate(1, 0, 1 << 20)):
    try:
        act()
    except OSError:
        continue
    kept += 500 << 20
os.write(1, b"\\n")
""",
    ),
    Attack(
        "files_in_memory",
        """
attempt(os.memfd_create, 'x')
attempt(syscall, 447, 0)
from multiprocessing import shared_memory
attempt(shared_memory.SharedMemory, 'effirl-mark', True, 1 << 20)
""",
        refused("ENOENT", "EROFS"),
    ),
    Attack(
        "files_on_disk",
        """
import tempfile
for d in ('/tmp', '/var/tmp', '/dev/shm', '/run', '.', '/', '/dev', '/proc'):
    attempt(open, d + '/effirl-mark', 'wb')
    attempt(os.open, d, os.O_TMPFILE | os.O_RDWR)
attempt(tempfile.TemporaryFile)
""",
        refused("ENOENT", "EROFS"),
    ),
    Attack(
        "system_v_memory",
        """
attempt(syscall, 29, 0xeff1, 1 << 20, 0o1600)
attempt(syscall, 30, 0, 0, 0)
attempt(syscall, 68, 0xeff1, 0o1600)
attempt(syscall, 64, 0xeff1, 1, 0o1600)
""",
        refused(),
    ),
    Attack(
        "message_queues",
        "attempt(syscall, 240, b'effirl-mark', 0o102, 0o600, 0)",
        refused(),
    ),
    Attack(
        "buffers_of_sockets_and_terminals",
        """
import socket
attempt(socket.socketpair)
attempt(os.openpty)
attempt(open, '/dev/ptmx', 'r+b')
""",
        refused("ENOENT"),
    ),
    Attack(
        "huge_pages_of_the_pool",
        "for flags in (0x40022, 0x40021):\n    attempt(syscall, 9, 0, 2 << 20, 3, flags, -1, 0)",
        refused(),
    ),
    Attack(
        "many_timers",
        """
made = 0
event = ctypes.create_string_buffer(64)
event[8] = 10
identity = ctypes.c_int()
try:
    for made in range(100_000):
        syscall(222, 1, event, ctypes.byref(identity))
except OSError as error:
    assert error.errno == errno.EAGAIN
print(made < 1000)
""",
        prints("True\n"),
    ),
)
