"""The read-only root that a worker lives in."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ENTER = """
import os, sys
from pathlib import Path
from rewards.isolation.namespaces import enter
folder, *others = sys.argv[1:]
packages = os.path.join(folder, "packages")
enter([folder, packages + "/shown", *others], [packages], as_user=os.getuid() != 0)
print(Path(folder, "file").read_text(), Path(folder, "link").readlink(), os.listdir("/tmp"))
print(os.listdir(packages), Path(packages, "shown", "file").read_text())
try:
    Path(packages, "new").touch()
except OSError as error:
    print(type(error).__name__)
try:
    Path(folder, "new").touch()
except OSError as error:
    print(type(error).__name__)
"""


def test_a_folder_below_tmp_is_shown_but_for_what_is_covered() -> None:
    """The root is built on /tmp, and a clone or an interpreter may lie below it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder, "file").write_text("seen")
        Path(folder, "link").symlink_to("file")
        for name in ("shown", "hidden"):
            Path(folder, "packages", name).mkdir(parents=True)
            Path(folder, "packages", name, "file").write_text(name)
        ran = subprocess.run(
            [sys.executable, "-c", ENTER, folder, sys.base_prefix, "/lib", "/lib64", "/usr"],
            capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
    if "PermissionError" in ran.stderr and "unshare" in ran.stderr:
        pytest.skip(f"NOT CHECKED: no namespaces here: {ran.stderr.splitlines()[-1]}")
    name = Path(folder).name
    expected = f"seen file ['{name}']\n['shown'] shown\nOSError\nOSError\n"
    assert ran.stdout == expected, ran.stderr
