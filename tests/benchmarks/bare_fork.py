"""The floor under any executor: fork, compile, exec, wait. No isolation: trusted programs only.

`contestants.BareFork` starts it as a process: `bare_fork.py SOCKET SOURCE NAMES`, where SOCKET and
SOURCE are inherited descriptors and NAMES the modules to preload, separated by commas.
Descriptors 0 and 1 are memory files, so a run costs no pipe. Each request is the length of the
program in SOURCE; each reply the nanoseconds from before the fork to after the wait, and the wait
status.
"""

import _sitebuiltins
import builtins
import gc
import os
import random
import socket
import struct
import sys
import time
import traceback
from importlib import import_module
from typing import Any, NoReturn

REQUEST = struct.Struct("<Q")
REPLY = struct.Struct("<Qi")
WARM_UP = """
def f(a, *b, c=1, **d):
    return lambda y: f"{y}{a!r:>3}"
class A:
    x: int = 0
for i in range(3):
    z = [j for j in range(3) if j % 2] + [*{k: 0 for k in "ab"}]
raise ValueError(1)
"""


def main() -> None:
    host = socket.socket(fileno=int(sys.argv[1]))
    source_fd = int(sys.argv[2])
    preload(sys.argv[3].split(","))
    warm_up()
    host.send(b"ready")
    while message := host.recv(REQUEST.size):
        os.lseek(0, 0, os.SEEK_SET)
        os.lseek(1, 0, os.SEEK_SET)
        started_ns = time.monotonic_ns()
        pid = os.fork()
        if pid == 0:
            run(source_fd, REQUEST.unpack(message)[0])
        _, status = os.waitpid(pid, 0)
        host.send(REPLY.pack(time.monotonic_ns() - started_ns, status))


def preload(names: list[str]) -> None:
    """Import what programs import, without the work that some modules add to every fork."""
    sys.argv[:] = ["main.py"]
    builtins.exit = builtins.quit = _sitebuiltins.Quitter("exit", "Ctrl-D")  # -S leaves them out
    register: Any = os.register_at_fork
    os.register_at_fork = lambda **_: None
    for name in names:
        import_module(name)
    os.register_at_fork = register
    random.seed(0)


def warm_up() -> None:
    for _ in range(2):
        try:
            exec(compile(WARM_UP, "warm_up", "exec"), {"__name__": "warm_up"})
        except ValueError:
            traceback.format_exc()
    gc.collect()
    gc.freeze()


def run(source_fd: int, length: int) -> NoReturn:
    code = compile(os.pread(source_fd, length, 0), "main.py", "exec", dont_inherit=True)
    status = 0
    try:
        exec(code, {"__name__": "__main__", "__builtins__": builtins})
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    sys.stdout.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
