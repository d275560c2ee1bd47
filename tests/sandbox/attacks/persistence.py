"""Leaving something for the next run: each of these runs twice, and the second must not see the
first."""

from tests.sandbox.attacks.attack import Attack, prints, refused


def _unseen(name: str, body: str) -> Attack:
    """Prints the state that it finds, then changes it: both runs must print the same."""
    return Attack(name, body, prints("clean\n"))


ATTACKS = (
    _unseen(
        "modules_and_builtins",
        """
import builtins, math, random, decimal, collections, json
print('seen' if hasattr(builtins, 'mark') or math.pi == 3 or 'mark' in sys.modules or
      decimal.getcontext().prec != 28 else 'clean')
builtins.mark = 1
math.pi = 3
sys.modules['mark'] = sys
decimal.getcontext().prec = 5
collections.deque = json.dumps = None
""",
    ),
    _unseen(
        "settings_of_the_interpreter",
        """
import locale, warnings, signal, gc
print('clean' if sys.getrecursionlimit() == 1000 and gc.isenabled() and os.umask(0o22)
      != 0o77 and signal.getsignal(10) is signal.SIG_DFL and 'MARK' not in os.environ else 'seen')
sys.setrecursionlimit(5000); gc.disable(); os.umask(0o77)
signal.signal(10, print); os.environ['MARK'] = '1'
""",
    ),
    _unseen(
        "position_of_the_input",
        """
print('clean' if os.lseek(0, 0, 1) == 0 and os.get_blocking(0) else 'seen')
os.lseek(0, 3, 0); os.set_blocking(0, False)
""",
    ),
    _unseen(
        "position_of_the_output",
        """
at = os.lseek(1, 0, 1)
print('clean' if at == 0 else 'seen')
sys.stdout.flush()
os.lseek(1, 6, 0); os.set_blocking(1, False)
""",
    ),
    _unseen(
        "times_of_the_input",
        """
status = os.fstat(0)
print('clean' if status.st_atime_ns == 0 else 'seen')
sys.stdin.read()
""",
    ),
    Attack(
        "marks_on_the_input",
        """
import fcntl
attempt(os.setxattr, 0, 'user.mark', b'1')
attempt(os.fchmod, 0, 0o777)
attempt(os.fchown, 0, 0, 0)
attempt(os.utime, 0)
attempt(os.ftruncate, 0, 0)
attempt(os.write, 0, b'x')
attempt(fcntl.flock, 0, fcntl.LOCK_EX)
attempt(fcntl.fcntl, 0, 1024, 0)
attempt(fcntl.fcntl, 0, 1033, 1)
attempt(open, '/dev/stdin', 'wb')
attempt(open, '/proc/self/fd/0', 'r+b')
""",
        refused("EBADF", "EINVAL", "ENOENT"),  # of the write-only calls on a read-only file
    ),
    Attack(
        "locks",
        """
import fcntl, struct
library = os.open(os.__file__, os.O_RDONLY)
for number in (0, 1, library):
    attempt(fcntl.flock, number, fcntl.LOCK_SH)
    for command in (5, 6, 7, 36, 37, 38):
        attempt(fcntl.fcntl, number, command, struct.pack('hhqqi4x', 0, 0, 0, 0, 0))
""",
        refused(),
    ),
    Attack(
        "files_out_of_memory",
        """
library = os.open(os.__file__, os.O_RDONLY)
for advice in range(6):
    attempt(os.posix_fadvise, library, 0, 0, advice)
attempt(syscall, 187, library, 0, 1 << 16)
attempt(syscall, 162)
attempt(syscall, 306, library)
attempt(syscall, 277, library, 0, 0, 2)
""",
        refused(),
    ),
    Attack(
        "files_everywhere",
        """
import glob
attempt(os.mkdir, 'effirl-mark')
for d in ('/', '/tmp', '/var/tmp', '/dev/shm', '/run', '/dev', '/root', '/usr/lib', '/proc', '.'):
    attempt(open, d + '/effirl-mark', 'a')
    attempt(os.symlink, '/', d + '/effirl-mark')
    attempt(os.mkdir, d + '/effirl-mark')
""",
        refused("ENOENT", "EROFS", "EEXIST"),
    ),
    Attack(
        "shared_memory",
        """
attempt(syscall, 29, 0xeff1, 4096, 0o1600)
attempt(syscall, 29, 0xeff1, 4096, 0o600)
attempt(syscall, 64, 0xeff1, 1, 0o1600)
attempt(syscall, 68, 0xeff1, 0o1600)
attempt(syscall, 240, b'effirl-mark', 0o102, 0o600, 0)
attempt(syscall, 31, 0, 13, ctypes.create_string_buffer(256))
""",
        refused(),
    ),
    Attack(
        "abstract_sockets",
        """
import socket
attempt(lambda: socket.socket(socket.AF_UNIX).bind(chr(0) + 'effirl-mark'))
attempt(lambda: socket.socket(socket.AF_UNIX).connect(chr(0) + 'effirl-mark'))
""",
        refused(),
    ),
    Attack(
        "a_daemon_that_waits",
        """
import signal
for act in (os.fork, os.forkpty, os.setsid): attempt(act)
attempt(signal.pidfd_send_signal, 0, 0)
""",
        refused("ENOENT"),
    ),
    _unseen(
        "environment_of_the_worker",
        """
libc_getenv = _libc.getenv
libc_getenv.restype = ctypes.c_char_p
print('seen' if libc_getenv(b'MARK') else 'clean')
_libc.setenv(b'MARK', b'1', 1)
""",
    ),
    _unseen(
        "memory_of_small_integers",
        """
print('clean' if 7 + 1 == 8 and hash('a') == hash('a') else 'seen')
sys.stdout.flush()
ctypes.memmove(id(7), (9).to_bytes(4, 'little'), 0)
ctypes.c_uint32.from_address(id(7) + 24).value = 9
os._exit(0)
""",
    ),
    _unseen(
        "working_folder",
        "print('clean' if os.getcwd() == '/' else 'seen')\nos.chdir('/usr/lib')",
    ),
    _unseen(
        "randomness",
        """
import random
print('clean' if random.random() == 0.8444218515250481 else 'seen')
random.seed()
""",
    ),
    _unseen(
        "warnings_caches_and_registries",
        """
import re, linecache, copyreg, codecs, functools
print('seen' if 'mark' in linecache.cache or int in copyreg.dispatch_table else 'clean')
linecache.cache['mark'] = 1; copyreg.dispatch_table[int] = print
codecs.register(lambda _: None); re.purge()
""",
    ),
)
