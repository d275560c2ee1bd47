"""Getting rights back: limits, users, capabilities, priorities, other processes' settings."""

from tests.sandbox.attacks.attack import Attack, refused

ATTACKS = (
    Attack(
        "trace_the_worker",
        """
for request, p in ((16, os.getppid()), (0x4206, os.getppid()), (0, 0), (16, 1)):
    attempt(syscall, 101, request, p, 0, 0)
""",
        refused(),
    ),
    Attack(
        "limits_of_the_worker",
        """
import resource
for p in (os.getppid(), 1):
    for which in (resource.RLIMIT_AS, resource.RLIMIT_NOFILE, resource.RLIMIT_CPU):
        attempt(resource.prlimit, p, which)
    attempt(resource.prlimit, os.getppid(), resource.RLIMIT_NOFILE, (1, 1))
""",
        refused(),
    ),
    Attack(
        "raise_own_limits",
        """
import resource
for name in ("AS", "FSIZE", "NOFILE", "STACK", "CORE", "MEMLOCK", "MSGQUEUE", "NICE", "RTPRIO"):
    which = getattr(resource, "RLIMIT_" + name)
    try:
        resource.setrlimit(which, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except ValueError as error:
        print("refused", "EPERM" if "not allowed" in str(error) else error)
""",
        refused(),
    ),
    Attack(
        "priority_of_the_worker",
        """
p = os.getppid()
attempt(os.setpriority, os.PRIO_PROCESS, p, 19)
attempt(os.sched_setaffinity, p, {0})
attempt(os.sched_setscheduler, p, os.SCHED_IDLE, os.sched_param(0))
attempt(syscall, 251, 1, p, 3 << 13)
""",
        refused(),
    ),
    Attack(
        "become_another_user",
        """
for u in (0, 1, 65534, 1000001):
    attempt(os.setresuid, u, u, u)
    attempt(os.setuid, u)
    attempt(os.setresgid, u, u, u)
    attempt(os.setgroups, [u])
    attempt(syscall, 113, u, u)
    attempt(syscall, 122, u + (1 << 31))
""",
        refused(),
    ),
    Attack(
        "regain_capabilities",
        """
header = (ctypes.c_uint32 * 2)(0x20080522, 0)
data = (ctypes.c_uint32 * 6)(*[0xffffffff] * 6)
attempt(syscall, 126, ctypes.byref(header), ctypes.byref(data))
for capability in range(41):
    assert _libc.prctl(47, 1, capability, 0, 0) <= 0, capability  # in the ambient set?
    assert _libc.prctl(47, 2, capability, 0, 0) != 0, capability
""",
        refused(),
    ),
)
