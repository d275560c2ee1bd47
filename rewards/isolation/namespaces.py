"""A world of its own for a worker: namespaces, and a read-only root that holds nothing to find.

`enter` forks. The caller's process stays outside and only waits; the new one is process 1 of its
own process namespace, so that its death ends everything inside.
"""

import contextlib
import os
import signal
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final, NamedTuple

from rewards.isolation import kernel

_SEPARATE: Final = (
    kernel.CLONE_NEWNS
    | kernel.CLONE_NEWUTS
    | kernel.CLONE_NEWIPC
    | kernel.CLONE_NEWPID
    | kernel.CLONE_NEWNET
    | kernel.CLONE_NEWCGROUP
)
_DEVICES: Final = ("null", "random", "urandom")
"""Not zero: shared, its pages are memory out of sight."""
_FD_LINKS: Final = {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}
_COVER: Final = kernel.MS_NOSUID | kernel.MS_NODEV
_READ_ONLY: Final = kernel.MS_RDONLY | _COVER


def enter(readable: Iterable[str], covered: Collection[str], *, as_user: bool) -> None:
    """Move this process into its own namespaces.

    Args:
        readable: Folders that are visible inside, read-only, at the same paths.
        covered: Folders below them that are empty inside, but for `readable` ones below these.
        as_user: Through a user namespace, for callers that are not root.

    Raises:
        OSError: If the kernel, or a container around us, refuses a step. The process is then in
            an unknown state and must end.
    """
    user, group = os.getuid(), os.getgid()
    kernel.unshare(_SEPARATE | (kernel.CLONE_NEWUSER if as_user else 0))
    if as_user:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    inside = os.fork()
    if inside:
        _wait_outside(inside)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    _build_root(readable, covered)
    kernel.set_hostname("effirl")


def _wait_outside(inside: int) -> None:
    """Mirror the end of process 1; when we are killed, it dies with us (PDEATHSIG)."""
    os.closerange(0, 1 << 20)
    _, status = os.waitpid(inside, 0)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _build_root(readable: Iterable[str], covered: Collection[str]) -> None:
    root = "/tmp"  # mounted over in our namespace only; exists everywhere
    kernel.mount(None, "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    # By handle, and looked at now: what is to be shown may lie below /tmp, which is covered next.
    staged = [_Shown.of(Path(path)) for path in readable if Path(path).exists()]
    kernel.mount("tmpfs", root, "tmpfs", _COVER, "size=1m,mode=755")
    below = [s for s in staged if any(s.path.is_relative_to(folder) for folder in covered)]
    for shown in staged:
        if shown not in below:
            _bind(shown, root)
    for folder in covered:
        kernel.mount("tmpfs", root + folder, "tmpfs", _COVER, "size=4k,mode=755")
    for shown in below:
        _bind(shown, root)
    for folder in covered:
        kernel.mount(None, root + folder, None, kernel.MS_REMOUNT | kernel.MS_RDONLY | _COVER)
    _add_devices(root)
    Path(root, "proc").mkdir()
    flags = kernel.MS_RDONLY | kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    kernel.mount("proc", f"{root}/proc", "proc", flags, "hidepid=2")
    Path(root, "old").mkdir()
    os.chdir(root)
    kernel.pivot_root(".", "old")
    os.chdir("/")
    kernel.unmount("/old")
    Path("/old").rmdir()
    kernel.mount(None, "/", None, kernel.MS_BIND | kernel.MS_REMOUNT | _READ_ONLY)


class _Shown(NamedTuple):
    """A file or folder of the machine that programs may read."""

    path: Path
    handle: int
    link: Path | None
    """Where it points to, if it is a symbolic link."""
    is_folder: bool

    @classmethod
    def of(cls, path: Path) -> "_Shown":
        link = path.readlink() if path.is_symlink() else None
        return cls(path, os.open(path, os.O_PATH), link, path.is_dir())


def _bind(shown: _Shown, root: str) -> None:
    target = Path(root + str(shown.path))
    target.parent.mkdir(parents=True, exist_ok=True)
    if shown.link is not None:
        with contextlib.suppress(FileExistsError):
            target.symlink_to(shown.link)
    else:
        if shown.is_folder:
            target.mkdir(exist_ok=True)
        else:
            target.touch()
        source = f"/proc/self/fd/{shown.handle}"
        kernel.mount(source, str(target), None, kernel.MS_BIND | kernel.MS_REC)
        flags = kernel.MS_BIND | kernel.MS_REMOUNT | _READ_ONLY
        kernel.mount(None, str(target), None, flags)
    os.close(shown.handle)


def _add_devices(root: str) -> None:
    folder = Path(root, "dev")
    folder.mkdir()
    for name in _DEVICES:
        (folder / name).touch()
        kernel.mount(f"/dev/{name}", str(folder / name), None, kernel.MS_BIND)
    for name, suffix in _FD_LINKS.items():
        (folder / name).symlink_to(f"/proc/self/fd{suffix}")
