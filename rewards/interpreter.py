"""The interpreter that programs get: this one's binary, with flags, environment and folders.

Never -I: it ignores PYTHONHASHSEED.
"""

import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from rewards.errors import SandboxError

ENVIRONMENT: Final = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


def command() -> list[str]:
    """Start it: the binary itself, as a wrapper or an environment's link would cost a search."""
    return [os.path.realpath(sys.executable), "-P", "-s", "-S", "-B", "-X", "utf8"]


def system_folders() -> list[str]:
    """Where the interpreter, its library and the C library lie."""
    base = {"platbase": sys.base_exec_prefix}  # an environment has packages there and nothing else
    paths = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib", vars=base)]
    paths += [str(Path(sys.base_prefix, "lib")), "/usr/lib", "/usr/lib64", "/lib", "/lib64"]
    return list(dict.fromkeys(path for path in paths if path and Path(path).exists()))


def covered_folders() -> list[str]:
    """What of the system's folders is no business of a program's: installed packages.

    This one may be among them, with the built-in problems' answers, and what else is installed
    would decide whether a program runs.
    """
    folders = [Path(path) for path in system_folders() if not Path(path).is_symlink()]
    patterns = [f"{home}{name}-packages" for home in ("", "python3*/") for name in ("site", "dist")]
    found = [path for folder in folders for each in patterns for path in folder.glob(each)]
    # Where a link leads to is covered by its own name, if it can be seen at all.
    real = [path for path in found if not path.is_symlink() and not path.parent.is_symlink()]
    return sorted({str(path) for path in real if path.is_dir()})


def package_folders(packages: Iterable[str]) -> tuple[list[str], list[str]]:
    """The folders of third-party packages (shared libraries included), and where they import.

    Raises:
        SandboxError: If one is not installed.
    """
    folders: list[str] = []
    parents: list[str] = []
    for package in packages:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise SandboxError(f"package {package} is not installed")
        folder = Path(spec.origin).parent
        libraries = folder.with_name(f"{package}.libs")
        folders += [str(folder)] + ([str(libraries)] if libraries.exists() else [])
        parents.append(str(folder.parent))
    return folders, list(dict.fromkeys(parents))
