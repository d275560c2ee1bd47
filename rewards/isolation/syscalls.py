"""Which system calls nobody inside may make, and by what answer. Numbers are Linux's, x86-64."""

from typing import Final

KILLED: Final = {
    "reboot": 169,
    "init_module": 175,
    "delete_module": 176,
    "kexec_load": 246,
    "finit_module": 313,
    "kexec_file_load": 320,
    "swapon": 167,
    "swapoff": 168,
    "iopl": 172,
    "ioperm": 173,
}
"""Calls that exist only to take over a machine."""

REFUSED: Final = {
    # network
    "socket": 41, "connect": 42, "accept": 43, "bind": 49, "listen": 50, "socketpair": 53,
    "accept4": 288,
    # other processes, other programs
    "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "pidfd_getfd": 438,
    "kcmp": 312, "process_madvise": 440, "process_mrelease": 448, "execve": 59, "execveat": 322,
    # namespaces and mounts
    "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "setns": 308, "unshare": 272,
    "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432,
    "fspick": 433, "mount_setattr": 442, "open_tree_attr": 467, "sethostname": 170,
    "setdomainname": 171,
    # kernel surface with a bad record
    "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "io_uring_setup": 425,
    "io_uring_enter": 426, "io_uring_register": 427, "keyctl": 250, "add_key": 248,
    "request_key": 249, "personality": 135, "modify_ldt": 154, "acct": 163, "quotactl": 179,
    "quotactl_fd": 443, "syslog": 103, "vhangup": 153, "lookup_dcookie": 212, "nfsservctl": 180,
    "open_by_handle_at": 304, "name_to_handle_at": 303, "fanotify_init": 300,
    "inotify_init": 253, "inotify_init1": 294, "io_setup": 206, "io_destroy": 207,
    "io_getevents": 208, "io_submit": 209, "io_cancel": 210, "io_pgetevents": 333,
    "landlock_create_ruleset": 444, "landlock_add_rule": 445, "landlock_restrict_self": 446,
    "lsm_set_self_attr": 460, "cachestat": 451,
    # memory that no resident-set meter sees, and state that outlives a process
    "memfd_create": 319, "memfd_secret": 447, "shmget": 29, "shmat": 30, "shmctl": 31,
    "semget": 64, "semop": 65, "semctl": 66, "semtimedop": 220, "msgget": 68, "msgsnd": 69,
    "msgrcv": 70, "msgctl": 71, "mq_open": 240, "mq_unlink": 241, "splice": 275, "tee": 276,
    "vmsplice": 278, "fallocate": 285, "flock": 73, "mlock": 149, "mlockall": 151, "mlock2": 325,
    # files in memory, whose loss the next program would pay for
    "fadvise64": 221, "readahead": 187, "sync": 162, "syncfs": 306, "sync_file_range": 277,
    # clocks, priorities, placement
    "clock_settime": 227, "settimeofday": 164, "adjtimex": 159, "clock_adjtime": 305,
    "setpriority": 141, "sched_setscheduler": 144, "sched_setparam": 142, "sched_setattr": 314,
    "sched_setaffinity": 203, "ioprio_set": 251, "mbind": 237, "set_mempolicy": 238,
    "set_mempolicy_home_node": 450, "migrate_pages": 256, "move_pages": 279,
    # changes to files, which Landlock does not cover
    "chmod": 90, "fchmod": 91, "fchmodat": 268, "fchmodat2": 452, "chown": 92, "fchown": 93,
    "lchown": 94, "fchownat": 260, "utime": 132, "utimes": 235, "utimensat": 280, "futimesat": 261,
    "setxattr": 188, "lsetxattr": 189, "fsetxattr": 190, "setxattrat": 463, "removexattr": 197,
    "lremovexattr": 198, "fremovexattr": 199, "removexattrat": 466, "file_setattr": 469,
    "mknod": 133, "mknodat": 259,
}  # fmt: skip
"""Calls that neither a worker nor a program needs: EPERM."""

FIRST_UNKNOWN: Final = 470
"""Calls from here on are younger than this list: ENOSYS, as from a kernel that lacks them."""

REFUSED_TO_PROGRAMS: Final = {
    # processes, and signals to others
    "fork": 57, "vfork": 58, "tkill": 200, "rt_sigqueueinfo": 129, "rt_tgsigqueueinfo": 297,
    "pidfd_send_signal": 424, "pidfd_open": 434, "seccomp": 317,
    # another user: RLIMIT_NPROC counts by user
    "setuid": 105, "setgid": 106, "setreuid": 113, "setregid": 114, "setgroups": 116,
    "setresuid": 117, "setresgid": 119, "setfsuid": 122, "setfsgid": 123, "capset": 126,
}  # fmt: skip
"""Calls that a worker needs, and its programs do not: EPERM."""
