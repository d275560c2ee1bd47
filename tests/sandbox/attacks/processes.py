"""Other processes: making them, killing them, stopping them, outliving the run."""

from rewards.records import Status
from tests.sandbox.attacks.attack import Attack, ends_by, nothing, prints, refused

_SIGKILL, _SIGSYS, _SIGXCPU, _SIGABRT = 9, 31, 24, 6

ATTACKS = (
    Attack("fork", "attempt(os.fork)\nattempt(os.forkpty)", refused("ENOENT")),
    Attack("fork_by_call", "attempt(syscall, 57)\nattempt(syscall, 58)", refused()),
    Attack(
        "clone_a_process",
        """
for flags in (17, 0, 0x4111, 0x8011, 0x10000011, 0x20000011, 0x7e020011):
    attempt(syscall, 56, flags, 0, 0, 0, 0)
""",
        refused(),
    ),
    Attack(
        "clone3_a_process",
        """
arguments = (ctypes.c_uint64 * 11)(0, 0, 0, 0, 17)
attempt(syscall, 435, ctypes.byref(arguments), 88)
""",
        refused(),
    ),
    Attack(
        "run_a_command",
        """
import subprocess
attempt(subprocess.run, ["/bin/true"])
attempt(os.posix_spawn, "/bin/true", ["true"], {})
attempt(os.execv, sys.executable, ["python"])
attempt(syscall, 322, -100, b"/bin/true", 0, 0, 0)
descriptor = os.open(os.__file__, os.O_RDONLY)
attempt(os.execve, descriptor, ["x"], {})
""",
        refused("ENOENT"),
    ),
    Attack("run_a_shell", 'print(os.system("echo REACHED") != 0)', prints("True\n")),
    Attack(
        "pool_of_processes",
        """
import multiprocessing
attempt(multiprocessing.Process(target=print).start)
attempt(multiprocessing.Pool, 2)
""",
        refused("ENOENT"),
    ),
    Attack(
        "fork_bomb",
        """
made = 0
for _ in range(5000):
    try:
        made += 1 if os.fork() else os._exit(0)
    except OSError:
        pass
print(made)
""",
        prints("0\n"),
    ),
    Attack(
        "escape_by_a_new_session",
        "attempt(os.setsid)\nattempt(os.setpgid, os.getppid(), 0)\nattempt(os.fork)",
        refused("ESRCH"),
    ),
    Attack(
        "thread_bomb",
        """
stop, made = threading.Event(), 0
threading.stack_size(32 << 10)
try:
    for made in range(20000):
        threading.Thread(target=stop.wait, daemon=True).start()
except RuntimeError:
    pass
print(made < 100)
""",
        prints("True\n"),
        needs="threads_limited",
    ),
    Attack("kill_all", "attempt(os.kill, -1, 0)", refused()),
    Attack(
        "kill_the_worker",
        """
import signal
for s in (0, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, 40):
    attempt(os.kill, os.getppid(), s)
    attempt(os.killpg, os.getppid(), s)
attempt(os.kill, 1, 0)
attempt(os.killpg, 1, 0)
""",
        refused(),
    ),
    Attack("stop_the_worker", "attempt(os.kill, os.getppid(), 19)", refused()),
    Attack(
        "kill_the_worker_by_thread",
        """
for number in (200, 234):
    for p in (os.getppid(), 1):
        attempt(syscall, number, p, p if number == 234 else 9, 9)
""",
        refused(),
    ),
    Attack(
        "kill_with_a_value",
        """
info = ctypes.create_string_buffer(128)
info[0], info[8] = 9, 0xff
attempt(syscall, 129, os.getppid(), 9, info)
attempt(syscall, 297, os.getppid(), os.getppid(), 9, info)
""",
        refused(),
    ),
    Attack(
        "kill_by_handle",
        """
attempt(os.pidfd_open, os.getppid())
attempt(os.pidfd_open, os.getpid())
attempt(syscall, 424, 0, 9, 0, 0)
""",
        refused(),
    ),
    Attack(
        "signal_by_a_pipe",
        """
import fcntl
reader, writer = os.pipe()
for command in (8, 10, 15, 1024, 1026):
    argument = ctypes.string_at(ctypes.byref((ctypes.c_int * 2)(1, os.getppid())), 8)
    attempt(fcntl.fcntl, reader, command, argument if command == 15 else os.getppid())
for request in (0x8901, 0x8902):
    attempt(fcntl.ioctl, reader, request, ctypes.string_at(ctypes.byref(ctypes.c_int(1)), 4))
""",
        refused(),
    ),
    Attack("kill_own_group", "os.kill(0, 9)", ends_by(_SIGKILL), Status.RUNTIME_ERROR),
    Attack("kill_itself", "os.kill(os.getpid(), 9)", ends_by(_SIGKILL), Status.RUNTIME_ERROR),
    Attack("abort", "os.abort()", ends_by(_SIGABRT), Status.RUNTIME_ERROR),
    Attack("claim_a_violation", "os.kill(os.getpid(), 31)", ends_by(_SIGSYS), Status.VIOLATION),
    Attack(
        "claim_the_cpu_limit", "os.kill(os.getpid(), 24)", ends_by(_SIGXCPU), Status.RUNTIME_ERROR
    ),
    Attack("stop_itself", "os.kill(os.getpid(), 19)", nothing, Status.TIME_LIMIT, 0.2),
    Attack(
        "ignore_signals",
        """
import signal
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
while True: pass
""",
        nothing,
        Status.TIME_LIMIT,
        0.2,
    ),
    Attack(
        "signal_storm",
        """
import signal
hits = 0
def count(*_):
    global hits
    hits += 1
signal.signal(signal.SIGALRM, count)
signal.setitimer(signal.ITIMER_REAL, 5e-4, 5e-4)
burn(0.1)
signal.setitimer(signal.ITIMER_REAL, 0)
print(hits > 10)
""",
        prints("True\n"),
    ),
    Attack(
        "main_thread_gone",
        """
def work():
    burn(0.2)
    os.write(1, b"late")
    os._exit(0)
threading.Thread(target=work).start()
syscall(60, 0)
""",
        prints("late"),
    ),
)
