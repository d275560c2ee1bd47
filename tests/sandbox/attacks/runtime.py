"""Forging the runtime: false clocks, work where no meter looks, a better place in the queue."""

from rewards.records import Status
from tests.sandbox.attacks.attack import Attack, both, costs, lasts, nothing, prints, refused

_worked = both(prints("done\n"), costs())


def _works(name: str, body: str) -> Attack:
    """Burns as long as `burn` does, somewhere, and says so once."""
    return Attack(name, body, _worked)


ATTACKS = (
    _works(
        "patched_clocks",
        """
burn()
for name in dir(time):
    if "time" in name or "counter" in name or "monotonic" in name:
        setattr(time, name, lambda *_: 0)
import resource
resource.getrusage = os.times = lambda *_: (0,) * 16
print("done")
""",
    ),
    _works("thread_after_main", "threading.Thread(target=lambda: (burn(), print('done'))).start()"),
    _works("at_exit", "import atexit\natexit.register(lambda: (burn(), print('done')))"),
    _works(
        "after_the_threads",
        """
threading._register_atexit(lambda: (burn(), print('done')))
t = threading.Thread(target=time.sleep, args=(0.02,)); t.start()
""",
    ),
    _works(
        "in_a_destructor",
        "class A:\n    def __del__(self): burn(); print('done')\na = A()\ndel a",
    ),
    _works(
        "in_the_flush_of_standard_output",
        """
import io
class Late(io.StringIO):
    def flush(self):
        burn()
        os.write(1, b"done\\n")
        Late.flush = io.StringIO.flush
sys.stdout = Late()
""",
    ),
    _works(
        "in_a_signal_handler",
        """
import signal
signal.signal(signal.SIGALRM, lambda *_: (burn(), print('done')))
signal.setitimer(signal.ITIMER_REAL, 0.01)
time.sleep(0.05)
""",
    ),
    _works(
        "in_the_collector",
        """
import gc
gc.callbacks.append(lambda phase, _: phase == 'stop' and burn())
gc.collect()
gc.callbacks.clear()
print('done')
""",
    ),
    _works(
        "in_the_excepthook_of_a_thread",
        """
threading.excepthook = lambda _: (burn(), print('done'))
threading.Thread(target=lambda: 1 / 0).start()
""",
    ),
    _works(
        "in_an_import",
        """
import importlib.abc, importlib.util
class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        return importlib.util.spec_from_loader(name, self) if name == "answers" else None
    def create_module(self, spec): return None
    def exec_module(self, module): burn()
sys.meta_path.insert(0, Finder())
import answers
print("done")
""",
    ),
    _works(
        "in_code_of_its_own",
        'exec(compile("burn()\\nprint(\'done\')", "inner", "exec"), {**globals()})',
    ),
    _works(
        "in_four_threads",
        """
ts = [threading.Thread(target=burn, args=(0.03,)) for _ in range(4)]
[t.start() for t in ts]; [t.join() for t in ts]
print('done')
""",
    ),
    _works(
        "in_a_daemon_while_main_sleeps",
        """
worker = threading.Thread(target=burn, args=(0.12,), daemon=True)
worker.start()
while worker.is_alive(): time.sleep(0.05)
print('done')
""",
    ),
    _works(
        "threads_cut_off_by_the_end",
        """
def work():
    burn(0.11)
    ready.set()
    burn(9)
ready = threading.Event()
threading.Thread(target=work, daemon=True).start()
ready.wait()
os.write(1, b"done\\n")
os._exit(0)
""",
    ),
    _works(
        "in_the_kernel",
        """
end = time.thread_time() + 0.1
while time.thread_time() < end: os.urandom(1 << 20)
print('done')
""",
    ),
    _works(
        "under_a_cpu_limit",  # process clocks then move by ticks only
        """
import resource
resource.setrlimit(resource.RLIMIT_CPU, (9, 9))
burn(0.13)
print('done')
""",
    ),
    _works(
        "between_ticks",  # of the kernel's sampled accounting
        "for _ in range(200):\n    burn(0.0006)\n    time.sleep(0.0001)\nprint('done')",
    ),
    _works(
        "then_killed_by_itself_in_a_thread",
        """
t = threading.Thread(target=burn); t.start(); t.join()
os.write(1, b'done\\n')
os._exit(0)
""",
    ),
    Attack("sleep", "time.sleep(0.2)\nprint('done')", both(prints("done\n"), lasts(0.19))),
    Attack("sleep_forever", "time.sleep(99)", nothing, Status.TIME_LIMIT, 0.2),
    Attack(
        "at_exit_forever",
        "import atexit\natexit.register(lambda: [0 for _ in iter(int, 1)])",
        nothing,
        Status.TIME_LIMIT,
        0.2,
    ),
    Attack(
        "refuses_to_end",
        """
def go():
    while True:
        try:
            while True: pass
        except BaseException: pass
go()
""",
        nothing,
        Status.TIME_LIMIT,
        0.2,
    ),
    Attack(
        "set_the_clock",
        """
spec = (ctypes.c_long * 2)(int(time.time()), 0)
attempt(time.clock_settime, time.CLOCK_REALTIME, time.time())
attempt(syscall, 164, ctypes.byref(spec), 0)
attempt(syscall, 159, ctypes.create_string_buffer(b"\\x02\\0\\0\\0", 256))
attempt(syscall, 305, 0, ctypes.create_string_buffer(b"\\x02\\0\\0\\0", 256))
""",
        refused(),
    ),
    Attack(
        "better_scheduling",
        """
attempt(os.nice, -1)
attempt(os.nice, 1)
for policy in (os.SCHED_FIFO, os.SCHED_RR, os.SCHED_BATCH, os.SCHED_IDLE):
    attempt(os.sched_setscheduler, 0, policy, os.sched_param(int(policy in (1, 2))))
attempt(syscall, 144, 0, 7, ctypes.create_string_buffer(8))
attempt(syscall, 314, 0, ctypes.create_string_buffer(48), 0)
attempt(syscall, 251, 1, 0, 1 << 13)
attempt(os.sched_setaffinity, 0, range(os.cpu_count()))
""",
        refused(),
    ),
    Attack(
        "one_core_only",
        "print(len(os.sched_getaffinity(0)), len(os.sched_getaffinity(os.getpid())))",
        prints("1 1\n"),
    ),
    Attack(
        "leave_the_control_group",
        """
for controller in (".", "memory", "pids", "unified"):
    root = "/sys/fs/cgroup/" + controller
    attempt(open, root + "/cgroup.procs", "w")
    attempt(os.mkdir, root + "/effirl-mark")
attempt(open, "/proc/self/autogroup", "w")
""",
        refused("ENOENT", "EROFS"),
    ),
    Attack(
        "processor_settings",
        # tracing by perf, core scheduling, speculation, timer slack, the time-stamp counter
        """
for option, a, b in ((31, 0, 0), (62, 1, 0), (53, 0, 2), (29, 1, 0), (26, 2, 0)):
    attempt(syscall, 157, option, a, b, 0, 0)
""",
        refused(),
    ),
)
