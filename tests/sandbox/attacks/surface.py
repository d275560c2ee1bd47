"""The kernel's surface: ways to more rights, another world, or code that no filter reads."""

from rewards.records import Status
from tests.sandbox.attacks.attack import Attack, ends_by, prints, refused

_SIGSYS = 31
_MACHINE_CODE = """
import mmap
def machine_code(text):
    page = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, 7)
    page[: len(text)] = text
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    return ctypes.CFUNCTYPE(ctypes.c_long)(address)()
"""
_TAKE_OVER = {
    "reboot": 169, "init_module": 175, "delete_module": 176, "kexec_load": 246,
    "finit_module": 313, "kexec_file_load": 320, "swapon": 167, "swapoff": 168, "iopl": 172,
    "ioperm": 173,
}  # fmt: skip


def _killed(name: str, body: str) -> Attack:
    return Attack(name, body, ends_by(_SIGSYS), Status.VIOLATION)


ATTACKS = (
    *(_killed(name, f"syscall({n}, 0, 0, 0, 0, 0)") for name, n in _TAKE_OVER.items()),
    _killed(
        "call_by_the_32_bit_door", _MACHINE_CODE + r'machine_code(b"\xb8\x14\0\0\0\xcd\x80\xc3")'
    ),
    _killed("call_by_the_x32_door", "syscall(0x40000000 | 39)"),
    _killed(
        "fork_by_the_32_bit_door", _MACHINE_CODE + r'machine_code(b"\xb8\x02\0\0\0\xcd\x80\xc3")'
    ),
    Attack(
        "fork_by_machine_code",
        _MACHINE_CODE + r'print(machine_code(b"\xb8\x39\0\0\0\x0f\x05\xc3"))',
        prints("-1\n"),
    ),
    Attack(
        "new_namespaces",
        """
for flag in (0x10000000, 0x20000, 0x20000000, 0x40000000, 0x8000000, 0x4000000, 0x2000000,
             0x80, 0x400, 0x200): attempt(syscall, 272, flag)
""",
        refused(),
    ),
    Attack(
        "enter_namespaces",
        """
reader, _ = os.pipe()
attempt(syscall, 308, reader, 0)
attempt(syscall, 308, reader, 0x40000000)
attempt(open, '/proc/1/ns/net')
""",
        refused("ENOENT"),
    ),
    Attack(
        "mounts",
        """
attempt(syscall, 165, b'none', b'/tmp', b'tmpfs', 0, 0)
attempt(syscall, 165, b'/', b'/', 0, 4096 | 32, 0)
attempt(syscall, 166, b'/proc', 2)
attempt(syscall, 155, b'/', b'/tmp')
attempt(os.chroot, '/usr')
""",
        refused(),
    ),
    Attack(
        "mounts_by_descriptor",
        """
attempt(syscall, 428, -100, b'/', 1)
attempt(syscall, 430, b'tmpfs', 0)
attempt(syscall, 432, 0, 0, 0)
attempt(syscall, 429, -100, b'/', -100, b'/tmp', 0)
attempt(syscall, 433, -100, b'/', 0)
attempt(syscall, 442, -100, b'/', 0, ctypes.create_string_buffer(32), 32)
attempt(syscall, 467, -100, b'/', 1, ctypes.create_string_buffer(32), 32)
""",
        refused(),
    ),
    Attack(
        "programs_in_the_kernel",
        """
array = (ctypes.c_uint32 * 32)(2, 4, 4, 1)
attempt(syscall, 321, 0, ctypes.byref(array), 128)
attempt(syscall, 321, 5, ctypes.create_string_buffer(128), 128)
""",
        refused(),
    ),
    Attack(
        "rings",
        """
attempt(syscall, 425, 8, ctypes.create_string_buffer(120))
attempt(syscall, 426, 0, 1, 0, 0, 0, 0)
attempt(syscall, 427, 0, 0, 0, 0)
attempt(syscall, 206, 1, ctypes.create_string_buffer(8))
""",
        refused(),
    ),
    Attack(
        "page_faults_by_hand",
        "attempt(syscall, 323, 0)\nattempt(syscall, 323, 1)\nattempt(open, '/dev/userfaultfd')",
        refused("ENOENT"),
    ),
    Attack(
        "performance_counters",
        """
attributes = ctypes.create_string_buffer(b'\\1\\0\\0\\0\\x70', 112)
attempt(syscall, 298, attributes, 0, -1, -1, 0)
attempt(syscall, 298, attributes, os.getppid(), -1, -1, 0)
""",
        refused(),
    ),
    Attack(
        "keyrings",
        """
attempt(syscall, 248, b'user', b'effirl-mark', b'x', 1, -4)
attempt(syscall, 249, b'user', b'effirl-mark', 0, 0)
attempt(syscall, 250, 0, -4, 0)
attempt(syscall, 250, 1, 0, 0, 0)
""",
        refused(),
    ),
    Attack(
        "filters_of_its_own",
        """
code = ctypes.create_string_buffer((6).to_bytes(4, 'little') + (0x7fff0000).to_bytes(4, 'little'))
program = (ctypes.c_uint64 * 2)(1, ctypes.addressof(code))
attempt(syscall, 317, 1, 0, ctypes.byref(program))
attempt(syscall, 157, 22, 2, ctypes.byref(program), 0, 0)
attempt(syscall, 444, ctypes.create_string_buffer((1).to_bytes(8, 'little')), 8, 0)
attempt(syscall, 444, 0, 0, 1)
""",
        refused(),
    ),
    Attack(
        "personality",
        """
attempt(syscall, 135, 0x40000)
attempt(syscall, 135, 0xffffffff)
attempt(syscall, 154, 0, 0, 0)
""",
        refused(),
    ),
    Attack(
        "watch_the_file_system",
        "attempt(syscall, 253)\nattempt(syscall, 294, 0)\nattempt(syscall, 300, 0, 0)",
        refused(),
    ),
    Attack(
        "names_of_the_machine",
        """
name = os.uname().nodename.encode()
attempt(syscall, 170, name, len(name))
attempt(syscall, 171, b'(none)', 6)
attempt(syscall, 163, 0)
attempt(syscall, 153)
attempt(syscall, 179, 0, 0, 0, 0)
attempt(syscall, 443, 0, 0, 0, 0)
""",
        refused(),
    ),
    Attack(
        "kernel_settings",
        """
for f in ('kernel/core_pattern', 'kernel/randomize_va_space', 'vm/drop_caches',
          'vm/overcommit_memory', 'kernel/ns_last_pid'):
    attempt(open, '/proc/sys/' + f, 'w')
attempt(open, '/proc/sysrq-trigger', 'w')
attempt(open, '/sys/kernel/mm/transparent_hugepage/enabled', 'w')
""",
        refused("ENOENT", "EROFS"),
    ),
    Attack(
        "devices",
        """
import glob
for d in ('mem', 'kmem', 'port', 'kvm', 'fuse', 'tty', 'console', 'ptmx', 'loop0', 'vda',
          'nvidia0', 'nvidiactl', 'dri/card0', 'vsock', 'net/tun', 'mapper/control', 'cpu/0/msr',
          'full', 'snapshot', 'hpet'):
    attempt(os.open, '/dev/' + d, os.O_RDONLY)
    attempt(os.open, '/dev/' + d, os.O_RDWR)
""",
        refused("ENOENT", "ENOTDIR"),
    ),
    Attack(
        "make_a_device",
        """
import stat
for d in ('/tmp', '/dev', '.', '/dev/shm'):
    attempt(os.mknod, d + '/effirl-mark', 0o600 | stat.S_IFBLK, os.makedev(254, 0))
    attempt(os.mkfifo, d + '/effirl-mark')
""",
        refused("ENOENT", "EROFS"),
    ),
    Attack(
        "keys_into_the_terminal",
        """
import fcntl
for number in (0, 1, 2):
    for request in (0x5412, 0x541C, 0x540E, 0x5423):
        attempt(fcntl.ioctl, number, request, b'x')
""",
        refused(),
    ),
    Attack(
        "settings_of_files",
        """
import fcntl
library = os.open(os.__file__, os.O_RDONLY)
for number in (0, library):
    for request in (0x40086602, 0x401c5820, 0x40049409, 0xc0045877, 0xc0045878, 0x6601, 0x1):
        attempt(fcntl.ioctl, number, request, bytes(64))
""",
        refused(),
    ),
    Attack(
        "unknown_calls",
        "for number in (*range(470, 480), 511, 600, 4000): attempt(syscall, number, 0, 0, 0, 0)",
        refused(),
    ),
    Attack(
        "files_of_the_interpreter",
        # each would change nothing if it were done
        """
f = os.__file__
n = f + '-effirl-mark'
attempt(os.chmod, f, 0o644)
attempt(os.chown, f, -1, -1)
attempt(os.utime, f, ns=(os.stat(f).st_atime_ns, os.stat(f).st_mtime_ns))
attempt(os.setxattr, f, 'user.x', b'1')
attempt(os.truncate, f, os.path.getsize(f))
attempt(os.rename, f, f)
attempt(os.link, f, n)
attempt(os.symlink, f, n)
attempt(open, f, 'r+b')
attempt(os.mkdir, n)
attempt(syscall, 463, -100, f.encode(), 0, b'user.x', bytes(16), 16)
attempt(syscall, 469, -100, f.encode(), bytes(24), 24, 0)
attempt(syscall, 452, -100, f.encode(), 0o644, 0)
""",
        refused("EROFS"),
    ),
)
