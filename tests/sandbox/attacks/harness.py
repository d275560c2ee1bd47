"""Tampering with the code that runs the program, and with what it reports."""

from rewards.records import Status
from tests.sandbox.attacks.attack import (
    Attack,
    both,
    nothing,
    prints,
    prints_no,
    refused,
)

_FIND_LOCAL = """
def find_local(name):
    frame = sys._getframe()
    while frame:
        if name in frame.f_locals:
            return frame.f_locals[name]
        frame = frame.f_back
"""

ATTACKS = (
    Attack(
        "clock_page",
        _FIND_LOCAL
        + """
page = find_local("page")
try:
    page[:32] = bytes(32)
except ValueError as error:
    print("refused", "EPERM" if "closed" in str(error) else error)
""",
        refused(),
    ),
    Attack(
        "forged_reply",
        _FIND_LOCAL
        + """
host = find_local("host")
from rewards import zygote
attempt(host.send, bytes(zygote.REPLY.size))
for number in range(3, 64): attempt(os.write, number, bytes(64))
""",
        refused("EBADF"),
    ),
    Attack(
        "serve_the_next_request",
        """
from rewards import zygote
frame = sys._getframe()
while 'host' not in frame.f_locals: frame = frame.f_back
attempt(frame.f_locals['host'].recv, 100)
""",
        refused("EBADF"),
    ),
    Attack(
        "patched_builtins",
        """
import builtins
for name in ("len", "open", "print", "isinstance", "compile", "exec", "repr", "getattr", "type"):
    setattr(builtins, name, lambda *_, **__: None)
os.write(1, b"done")
""",
        prints("done"),
        frozenset({Status.OK, Status.RUNTIME_ERROR}),  # leaving takes a few builtins
    ),
    Attack(
        "patched_modules",
        """
import struct, json, signal, select, socket, resource
for m in (os, sys, time, struct, json, signal, select, socket, resource):
    for n in list(vars(m)):
        if callable(vars(m)[n]) and n not in ('write', '_exit'): setattr(m, n, lambda *_, **__: 0)
os.write(1, b'done')
os._exit(0)
""",
        prints("done"),
    ),
    Attack(
        "patched_child",
        """
from rewards import child
child._report_failure = lambda: 0
child._exit_code_of = lambda _: 0
raise SystemExit(7)
""",
        prints(""),  # it could have left with 0 as well: the verdict comes from its output
    ),
    Attack(
        "empty_modules",
        """
for m in list(sys.modules.values()):
    if getattr(m, '__name__', '').startswith('rewards'): vars(m).clear()
os.write(1, b'done')
os._exit(0)
""",
        prints("done"),
    ),
    Attack(
        "trace_the_callers",
        """
def trace(frame, event, argument):
    return trace
frame = sys._getframe()
while frame:
    frame.f_trace = trace
    frame.f_trace_opcodes = True
    frame = frame.f_back
sys.settrace(trace); threading.settrace(trace); sys.setprofile(trace)
os.write(1, b"done")
""",
        prints("done"),
    ),
    Attack(
        "audit_hook_that_refuses_all",
        "os.write(1, b'done')\ndef no(*_): raise RuntimeError\nsys.addaudithook(no)",
        prints("done"),
        frozenset({Status.OK, Status.RUNTIME_ERROR}),
    ),
    Attack(
        "import_hook",
        """
class Finder:
    def find_spec(self, name, path=None, target=None):
        raise ImportError("mine")
sys.meta_path[:] = [Finder()]
sys.path_hooks.clear(); sys.path.clear()
print("done")
""",
        prints("done\n"),
    ),
    Attack(
        "start_up_files",
        """
import site, sysconfig
for d in (sysconfig.get_path('purelib'), sysconfig.get_path('stdlib'), '/', '.'):
    for f in ('sitecustomize.py', 'usercustomize.py', 'x.pth', 'conftest.py', 'json.py'):
        attempt(open, os.path.join(d, f), 'a')
""",
        refused("ENOENT", "EROFS"),
    ),
    Attack(
        "cached_bytecode",
        """
import importlib.util
for m in (os, threading, sys.modules['rewards.child']):
    p = importlib.util.cache_from_source(m.__file__)
    attempt(open, p, 'r+b')
    attempt(os.replace, p, p)
""",
        refused("ENOENT", "EROFS"),
    ),
    Attack(
        "standard_output_that_equals_all",
        """
class Same(str):
    def __eq__(self, _): return True
    __hash__ = str.__hash__
class Out:
    def write(self, _): pass
    def flush(self): pass
    def getvalue(self): return Same('')
sys.stdout = sys.__stdout__ = Out()
print('x')
""",
        prints(""),
    ),
    Attack(
        "main_module_replaced",
        """
import types
sys.modules['__main__'] = types.ModuleType('__main__')
sys.modules['rewards.child'] = sys.modules['os'] = sys.modules['sys'] = None
print('done')
""",
        prints("done\n"),
    ),
    Attack(
        "collector_and_recursion_settings",
        """
import gc
gc.disable(); gc.unfreeze(); gc.set_threshold(1)
sys.setrecursionlimit(60)
sys.setswitchinterval(1e-9)
sys.set_int_max_str_digits(0)
print('done')
""",
        prints("done\n"),
    ),
    Attack(
        "locks_of_the_harness",
        """
import _imp
_imp.acquire_lock()
threading._shutdown_locks_lock.acquire()
threading._active_limbo_lock.acquire()
print('done')
""",
        nothing,
        frozenset({Status.OK, Status.TIME_LIMIT}),
        0.5,
    ),
    Attack(
        "fault_handlers",
        """
import faulthandler, signal
faulthandler.enable()
faulthandler.dump_traceback_later(0.05, exit=True)
time.sleep(1)
""",
        both(prints(""), prints_no("child.serve")),
        Status.RUNTIME_ERROR,
    ),
)
