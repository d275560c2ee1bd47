"""Solutions that would pass without an answer: none may, and none may disturb the next run.

Each is asked for f(111), which is 987654321 by nobody's reckoning but the test's, so that only a
leak or a forgery could pass.
"""

import pytest

from rewards.executor import Executor
from rewards.judging import run_test
from rewards.records import ExecutionResult, Limits, Status, TestCase

SECRET = 987654321
TEST = TestCase.from_row({"assert": f"want = {SECRET}\nassert solution.f(111) == want"})
LISTS = TestCase.from_row({"assert": f"a = [1, 2]\nsolution.f(a)\nassert a == [{SECRET}, 1]"})
WRONG, CRASH = Status.WRONG_ANSWER, Status.RUNTIME_ERROR

FIND = """
import gc, sys, types
def strange(value, depth=0):
    '''Any integer in reach that was not given to us.'''
    if type(value) is int and value > 10**8 and value % 10**6 == 654321:
        return value
    if type(value) is str and '987654' in value and value != '987654':
        return int(''.join(c for c in value if c.isdigit())[:9] or 0)
    if depth < 3 and isinstance(value, (list, tuple, dict, set)):
        parts = [*value, *value.values()] if isinstance(value, dict) else value
        return next((s for part in list(parts) if (s := strange(part, depth + 1))), None)
    if isinstance(value, types.CodeType):
        return strange(value.co_consts, depth)
"""
SOLUTION = "\nclass Solution:\n    def f(self, x):\n        "


def solution(body: str, before: str = "") -> str:
    return before + SOLUTION + body.replace("\n", "\n        ") + "\n"


ATTACKS = {
    # Values that equal everything.
    "always equal object": solution(
        "return Equal()", "class Equal:\n    __eq__ = lambda *_: True\n    __hash__ = lambda _: 1"
    ),
    "always equal integer": solution(
        "return Equal(1)", "class Equal(int):\n    __eq__ = lambda *_: True"
    ),
    "always equal list": solution(
        "return Equal()", "class Equal(list):\n    __eq__ = lambda *_: True"
    ),
    "lying about its class": solution(
        "return Equal()",
        "class Equal:\n    __class__ = property(lambda _: int)\n    __eq__ = lambda *_: True\n"
        "    __int__ = __index__ = lambda _: 1",
    ),
    "a class named int": solution(
        "return int_()", "int_ = type('int', (), {'__eq__': lambda *_: True})"
    ),
    "lying repr": solution(
        "return Text()", "class Text(str):\n    __repr__ = __str__ = lambda _: '*'"
    ),
    "a node that lies": solution(
        "return ListNode()",
        "class ListNode:\n    val = property(lambda _: Equal())\n    next = None\n"
        "class Equal(int):\n    __eq__ = lambda *_: True",
    ),
    "nan": solution("return float('nan')"),
    "a generator": solution("yield from range(10)"),
    # Leaving early, and printing what looks like success.
    "sys.exit(0)": solution("sys.exit(0)"),
    "os._exit(0)": solution("import os\nos._exit(0)"),
    "exit at import": "raise SystemExit(0)",
    "exit through a thread": solution(
        "import os, threading\nthreading.Thread(target=os._exit, args=(0,)).start()\n"
        "import time; time.sleep(1)"
    ),
    "words of success": solution("print('OK')\nprint('passed')\nreturn True"),
    "verdict on the answers' descriptor": solution(
        "import os\nfor number in range(1, 20):\n    try: os.write(number, b'[true]')\n"
        "    except OSError: pass\nos._exit(0)"
    ),
    "every candidate": solution(
        "import os\nos.write(3, str([list(range(1000))]).encode())\nos._exit(0)"
    ),
    "two answers": solution("import os\nos.write(3, b'[1] ')\nreturn 2"),
    "extra values": "def f(): pass\n" + solution("effirl_observe(1)\nreturn 2"),
    "no values": solution("return 1") + "effirl_observe = lambda value: None\n",
    "no end": solution("return 1") + "effirl_finish = lambda: None\n",
    "success instead of the end": solution("return 1")
    + "import os\neffirl_finish = lambda: os.write(3, b'true')\n",
    # After the end.
    "printing at exit": solution(
        "import atexit, os\natexit.register(lambda: os.write(3, b' [1]'))\nreturn 1"
    ),
    "printing in a destructor": solution(
        "global keep\nkeep = Late()\nreturn 1",
        "import os\nclass Late:\n    def __del__(self): os.write(3, b'true')",
    ),
    "printing from a thread, later": solution(
        "import threading, time, os\n"
        "def late():\n    time.sleep(0.2)\n    os.lseek(3, 0, 0)\n    os.write(3, b'[true]')\n"
        "threading.Thread(target=late).start()\nreturn 1"
    ),
    "rewriting the output": solution(
        "import os, atexit\n"
        "def late():\n    try: os.ftruncate(3, 0)\n    except OSError: pass\n"
        "    os.pwrite(3, b'[true]', 0)\natexit.register(late)\nreturn 1"
    ),
    # Patching.
    "patched builtins": solution(
        "import builtins\nbuiltins.all = builtins.any = builtins.isinstance = lambda *_: True\n"
        "builtins.len = lambda _: 1\nbuiltins.type = lambda _: int\nreturn object()"
    ),
    "patched json": solution(
        "import json\njson.dumps = lambda *_, **__: 'true'\njson.loads = lambda *_: None\nreturn 1"
    ),
    "patched encoder": solution(
        "import rewards.values, rewards.call_runner\n"
        "rewards.call_runner.encode = rewards.values.encode = lambda _: '{\"other\": \"*\"}'\n"
        "return 1"
    ),
    "patched judge": solution(
        "import sys, types\nfor name in ('checks', 'judging', 'functions'):\n"
        "    fake = types.ModuleType(name)\n    fake.all_hold = fake.is_right = lambda *_: True\n"
        "    sys.modules['rewards.' + name] = fake\nreturn 1"
    ),
    "patched streams": solution(
        "import io, sys\nsys.stdout = sys.__stdout__ = io.StringIO('[true]')\nreturn 1"
    ),
    "patched comparison": solution(
        "import operator\noperator.eq = lambda *_: True\nreturn 1"
    ),
    "import hook": solution(
        "import sys\nclass Hook:\n    def find_spec(self, *_): raise SystemExit(0)\n"
        "sys.meta_path.insert(0, Hook())\nimport wave\nreturn 1"
    ),
    # Looking for what is expected.
    "arguments": solution("return effirl_data"),
    "standard input": solution("import os\nreturn os.pread(0, 100000, 0)"),
    "own source": solution(
        "import sys, linecache\nmain = sys.modules['__main__']\n"
        "try: return strange(open(main.__file__).read())\nexcept OSError: return -1", FIND,
    ),
    "frames": solution(
        "frame = sys._getframe()\nwhile frame:\n"
        "    for names in (frame.f_locals, frame.f_globals, frame.f_code):\n"
        "        if found := strange(dict(names) if isinstance(names, dict) else names):\n"
        "            return found\n    frame = frame.f_back", FIND,
    ),
    "garbage collector": solution(
        "return next((s for o in gc.get_objects() if (s := strange(o))), None)", FIND
    ),
    "all code objects": solution(
        "return next((s for o in gc.get_objects() if isinstance(o, types.FunctionType)"
        " and (s := strange(o.__code__))), None)", FIND,
    ),
    "tracing the runner": solution(
        "import sys\nseen = []\n"
        "def trace(frame, event, value):\n"
        "    seen.append(strange(dict(frame.f_locals)) or strange(value))\n    return trace\n"
        "sys.settrace(trace)\nframe = sys._getframe().f_back\nframe.f_trace = trace\n"
        "sorted([2, 1])\nsys.settrace(None)\nreturn next((s for s in seen if s), None)", FIND,
    ),
    "tracing on": solution(
        "import sys\ndef trace(frame, event, value):\n"
        "    if event == 'return' and strange(value): raise SystemExit(0)\n    return trace\n"
        "sys.settrace(trace)\nsys._getframe().f_back.f_trace = trace\nreturn 1", FIND,
    ),
    "profiling the runner": solution(
        "import sys\n"
        "sys.setprofile(lambda frame, event, value: frame.f_locals.update(value=True))\nreturn 1"
    ),
    # Hurting the judge.
    "deep nesting": solution("import os\nos.write(3, b'[' * 100000)\nos._exit(0)"),
    "colliding keys": solution(
        "import os\nkeys = ','.join(str(k * (2**61 - 1)) for k in range(40000))\n"
        "os.write(3, ('[{\"set\": [' + keys + ']}]').encode())\nos._exit(0)"
    ),
    "many small lists": solution(
        "import os\nos.write(3, b'[' + b'[],' * 10**6 + b'1]')\nos._exit(0)"
    ),
    "long integer": solution("import os\nos.write(3, b'[' + b'1' * 10**6 + b']')\nos._exit(0)"),
    "infinite value": solution("a = []\na.append(a)\nreturn a"),
    "surrogates": solution("return '\\ud800' * 10"),
    "no text": solution("import os\nos.write(3, b'\\xff\\xfe')\nos._exit(0)"),
}  # fmt: skip
RIGHT = f"class Solution:\n    def f(self, x): return {SECRET}\n"


def run(executor: Executor, program: str, test: TestCase) -> ExecutionResult:
    (result,) = executor.map(lambda worker, t: run_test(worker, program, t, Limits()), [test])
    assert isinstance(result, ExecutionResult), result
    return result


@pytest.mark.parametrize("name", ATTACKS)
def test_nothing_gets_through(executor: Executor, name: str) -> None:
    result = run(executor, ATTACKS[name], TEST)
    assert result.status in (WRONG, CRASH), result
    assert run(executor, RIGHT, TEST).status is Status.OK


def test_the_attacks_write_where_values_are_read(executor: Executor) -> None:
    program = solution(f"import os\nos.write(3, b'[{SECRET}]')\nos._exit(0)")
    assert run(executor, program, TEST).status is Status.OK, "one that knows the answer has it"


def test_the_searches_would_find_it() -> None:
    names: dict = {}
    exec(FIND, names)
    for place in (SECRET, [1, {"a": (SECRET,)}], {SECRET}, f"want = {SECRET}", f"[{SECRET}]",
                  compile(f"x = {SECRET}", "x", "exec")):  # fmt: skip
        assert names["strange"](place) == SECRET


@pytest.mark.parametrize(
    "body",
    ["a[:] = Equal([1])", "a.__class__ = Equal", "global keep; keep = a; a.clear()",
     "effirl_data[0] = Equal()", "globals()['a'] = Equal()"],
)  # fmt: skip
def test_in_place_tests_hold(executor: Executor, body: str) -> None:
    before = "class Equal(list):\n    __eq__ = lambda *_: True\n"
    program = before + f"class Solution:\n    def f(self, a):\n        {body}\n"
    assert run(executor, program, LISTS).status in (WRONG, CRASH)


def test_work_done_at_import_is_counted(executor: Executor) -> None:
    test = TestCase.from_row({"assert": "assert solution.f(3) == 9"})
    program = (
        "table = {n: n * n for _ in range(10) for n in range(100_000)}\n"
        "class Solution:\n    def f(self, x): return table[x]\n"
    )
    plain = "class Solution:\n    def f(self, x): return x * x\n"
    assert run(executor, program, test).runtime_s > 0.01 > run(executor, plain, test).runtime_s
