"""Stealing: answers, tests, secrets of the host. The canary is what must never be seen.

Standard input tells these programs where everything is (see `environments.Host`): what is closed
must be closed to those who know.
"""

from importlib.util import find_spec
from pathlib import Path

from rewards import interpreter
from tests.sandbox.attacks.attack import Attack, Check, both, prints, prints_no, refused

_TOLD = "n, host, port, path, name = input().split(); host, port = int(host), int(port)\n"
_CANARY = "effirl-canary-"


def _told(name: str, body: str, check: Check) -> Attack:
    return Attack(name, _TOLD + body, check)


def _package_files() -> list[str]:
    """A file of each folder that packages are installed in, here and in the interpreter's own."""
    ours = [spec.origin for name in ("pytest", "effirl") if (spec := find_spec(name))]
    theirs = [next(Path(f).rglob("*.py"), None) for f in interpreter.covered_folders()]
    return [str(path) for path in (*ours, *theirs) if path is not None]


_hidden = refused("ENOENT", "ESRCH", "ENOTDIR")

ATTACKS = (
    _told(
        "environment_of_other_processes",
        'for p in (os.getppid(), 1, host): attempt(open, f"/proc/{p}/environ")',
        _hidden,
    ),
    _told(
        "memory_of_other_processes_by_file",
        """
for p in (os.getppid(), 1, host):
    for mode in ("rb", "r+b"): attempt(open, f"/proc/{p}/mem", mode)
""",
        _hidden,
    ),
    _told(
        "memory_of_other_processes_by_call",
        """
class Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))
buffer = ctypes.create_string_buffer(64)
here, there = Vector(ctypes.addressof(buffer), 64), Vector(id(object), 64)
for p in (os.getppid(), 1, host):
    for number in (310, 311):
        attempt(syscall, number, p, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
""",
        _hidden,
    ),
    _told(
        "command_lines_and_maps_of_others",
        """
for p in (os.getppid(), 1, host):
    for f in ("cmdline", "maps", "status", "stat", "auxv", "stack", "io", "root/etc"):
        attempt(open, f"/proc/{p}/{f}")
""",
        refused("ENOENT", "ENOTDIR", "EISDIR"),
    ),
    _told(
        "open_files_of_others",
        """
for p in (os.getppid(), 1, host):
    for d in ("fd", "map_files", "task", "cwd"):
        attempt(os.listdir, f"/proc/{p}/{d}")
""",
        _hidden,
    ),
    _told(
        "links_of_others",
        """
for p in (os.getppid(), 1, host):
    for f in ("exe", "cwd", "root", "fd/0"): attempt(os.readlink, f"/proc/{p}/{f}")
""",
        _hidden,
    ),
    _told(
        "descriptors_of_others",
        """
for p in (os.getppid(), 1, host):
    attempt(os.pidfd_open, p)
    attempt(syscall, 438, 0, 0, 0)
""",
        _hidden,
    ),
    _told(
        "comparing_kernel_objects",
        "attempt(syscall, 312, os.getpid(), os.getppid(), 0, 0, 0)",
        _hidden,
    ),
    _told("list_processes", 'attempt(os.listdir, "/proc")', _hidden),
    _told(
        "walk_the_disk",
        """
import tempfile
for d in ("/", "/tmp", "/root", "/home", "/etc", "/var", "/sys", "/run", "/mnt", "/opt", "/srv",
          "/dev", "/proc/self", os.path.dirname(path)):
    attempt(os.listdir, d)
""",
        _hidden,
    ),
    _told("file_whose_path_is_known", "attempt(open, path)", _hidden),
    _told(
        "file_by_another_route",
        """
for way in ("/proc/self/root", "/proc/self/cwd/..", "/proc/1/root", "/dev/fd/0/..", "/usr/lib/.."):
    attempt(open, way + path)
attempt(os.open, path, os.O_RDWR)
attempt(syscall, 437, -100, path.encode(), ctypes.create_string_buffer(24), 24)
""",
        _hidden,
    ),
    _told(
        "file_by_handle",
        """
attempt(syscall, 304, -100, ctypes.create_string_buffer(128), 0)
attempt(syscall, 303, -100, path.encode(), ctypes.create_string_buffer(128), 0, 0)
""",
        _hidden,
    ),
    _told(
        "sources_of_the_harness",
        """
modules = [m for n, m in list(sys.modules.items()) if n.split('.')[0] == 'rewards']
for m in modules: attempt(open, m.__file__)
attempt(open, sys.orig_argv[-1])
""",
        refused("ENOENT", "EISDIR"),
    ),
    _told(
        "files_of_installed_packages",
        f"for f in {_package_files()}: attempt(open, f)",
        _hidden,
    ),
    _told(
        "imports_of_installed_packages",
        """
for name in ("pytest", "pip", "effirl", "rewards.scores"):
    try: __import__(name)
    except (ModuleNotFoundError, PermissionError): print("refused ENOENT")
    else: print("REACHED", name)
""",
        _hidden,
    ),
    _told(
        "passwords_and_keys",
        """
for f in ("/etc/passwd", "/etc/shadow", "/etc/hostname", "/etc/machine-id", "/etc/hosts",
          "/root/.ssh/id_rsa", "/root/.bash_history", "/proc/self/environ", "/dev/kmsg",
          "/proc/kallsyms", "/proc/kcore", "/dev/mem", "/proc/cmdline", "/proc/keys"):
    attempt(open, f)
""",
        _hidden,
    ),
    _told(
        "own_environment",
        """
names = set(os.environ) | {e.partition(b"=")[0].decode() for e in os.environb}
pointer = ctypes.POINTER(ctypes.c_char_p).in_dll(_libc, "environ")
i = 0
while pointer[i]:
    names.add(pointer[i].decode().partition("=")[0]); i += 1
known = {"PATH", "HOME", "LC_ALL", "TZ", "PYTHONHASHSEED", "OPENBLAS_NUM_THREADS",
         "OMP_NUM_THREADS", "MKL_NUM_THREADS", "LC_CTYPE"}
print(sorted(names - known))
""",
        prints("[]\n"),
    ),
    _told(
        "frames_of_the_caller",
        f"""
frame = sys._getframe()
while frame:
    for space in (frame.f_locals, frame.f_globals):
        for value in list(space.values()):
            if {_CANARY!r} in repr(value)[:10000]: print("REACHED", value)
    print(repr(frame.f_code.co_consts).count("expected"))
    frame = frame.f_back
""".replace(_CANARY, _CANARY[:6] + "'+'" + _CANARY[6:]),
        both(prints_no("REACHED"), prints_no(_CANARY)),
    ),
    _told(
        "all_objects_of_the_collector",
        """
import gc
gc.unfreeze()
marks = ("expected", "outputs", "answers", "canary")
print(sum(isinstance(o, dict) and any(isinstance(k, str) and k in marks for k in list(o))
          for o in gc.get_objects()
          if o is not globals()))
""",
        prints("0\n"),
    ),
    _told(
        "heap_by_address",
        """
word = b"effirl" + b"-canary-"
reader, writer = os.pipe()
pages = 0
start = id(object()) & ~4095
for address in range(start - (8 << 20), start + (8 << 20), 4096):
    if _libc.write(writer, ctypes.c_void_p(address), 4096) == 4096:
        pages += 1
        page = os.read(reader, 4096)
        if word in page:
            os.write(2, page[page.index(word) :][:100])
print(pages > 50)
""",
        prints("True\n"),
    ),
    _told(
        "inherited_descriptors",
        """
for number in [*range(3, 1100), 4095, 65535, 1048575]:
    try:
        os.fstat(number)
    except OSError as error:
        assert error.errno == errno.EBADF
    else:
        print("REACHED", number)
print("end")
""",
        prints("end\n"),
    ),
    _told(
        "host_by_tcp",
        """
import socket
for family in (socket.AF_INET, socket.AF_INET6):
    attempt(socket.socket, family, socket.SOCK_STREAM)
attempt(lambda: socket.create_connection(("127.0.0.1", port), 1))
""",
        _hidden,
    ),
    _told(
        "host_by_local_socket",
        """
import socket
attempt(lambda: socket.socket(socket.AF_UNIX).connect(chr(0) + name))
attempt(socket.socketpair)
""",
        _hidden,
    ),
    _told(
        "all_families_of_sockets",
        """
import socket
for family in range(46):
    for kind in (1, 2, 3, 5):
        attempt(socket.socket, family, kind)
""",
        _hidden,
    ),
    _told(
        "names_from_the_network",
        'import socket\nattempt(socket.getaddrinfo, "example.org", 443)',
        refused("-2", "-3"),  # the C library's "cannot find out"
    ),
    _told(
        "kernel_log", "attempt(syscall, 103, 10, 0, 0)\nattempt(syscall, 103, 3, 0, 0)", refused()
    ),
    _told(
        "answer_beside_the_input",
        """
for number in range(3):
    attempt(os.listdir, f"/proc/self/fd/{number}/..")
    try:
        attempt(os.listdir, os.path.dirname(os.readlink(f"/proc/self/fd/{number}")))
    except PermissionError:
        pass
""",
        refused("ENOENT", "ENOTDIR"),
    ),
)
