"""Function-style problems: what is split, what the judge accepts, and real runs of cost."""

import ast

import pytest

from rewards import functions
from rewards.checks import all_hold
from rewards.executor import Executor
from rewards.functions import compose, usual_imports
from rewards.judging import judge, run_test
from rewards.measurement import compare
from rewards.records import ExecutionResult, Limits, Match, Status, TestCase
from rewards.values import encode


def asserts(text: str) -> TestCase:
    return TestCase.from_row({"assert": text})


def run(executor: Executor, program: str, *tests: TestCase) -> list[ExecutionResult]:
    results = executor.map(
        lambda worker, test: run_test(worker, program, test, Limits()),
        tests,
        lambda test: [program, test.code],
    )
    assert all(isinstance(result, ExecutionResult) for result in results), results
    return results  # type: ignore[return-value]


def status(executor: Executor, program: str, test: TestCase | str) -> Status:
    (result,) = run(executor, program, asserts(test) if isinstance(test, str) else test)
    return result.status


# Text, the values that a right program gives, values that are wrong.
SPLIT = [
    ("assert solution.f(1) == 2", [2], [3]),
    ("assert 2 == solution.f(1)", [2], [None]),
    ("assert Solution().f([1], k=2) == -2.5", [-2.5], [2.5]),
    ("assert f(1) == 2", [2], [(2,)]),
    ("assert solution.f(1) == [[1, (2,)], {'a': {3}}]", [[[1, (2,)], {"a": {3}}]], [[[1, [2]]]]),
    ("assert solution.f(1) is None", [None], [0]),
    ("assert solution.f(1) is True", [True], [1]),
    ("assert solution.f(1) is not None", [0], [None]),
    ("assert solution.f(1)", [True], [False]),
    ("assert not solution.f(1)", [False], [True]),
    ("assert solution.f(1) != 3", [2], [3]),
    ("assert math.isclose(solution.f(1), 0.5, abs_tol=1e-3)", [0.5001], [float("nan")]),
    ("assert abs(solution.f(1) - 0.5) < 1e-5", [0.5], [float("nan")]),
    ("assert round(solution.f(1), 2) == 0.33", [0.3333], ["0.33"]),
    ("assert sorted(solution.f(1)) == [1, 2]", [[1, 2]], [[2, 1]]),
    ("assert sorted(solution.f(1)) == sorted([2, 1])", [[1, 2]], [[1]]),
    ("assert set(solution.f(1)) == {1, 2}", [{2, 1}], [{1}]),
    ("assert set(map(tuple, solution.f(1))) == {(1, 2)}", [{(1, 2)}], [{(2, 1)}]),
    ("assert Counter(solution.f(1)) == Counter([1, 1, 2])", [[1, 2, 1]], [[1, 2]]),
    ("assert len(solution.f(1)) == 3", [3], [2]),
    ("assert solution.f(1)[0].val == 3", [3], [2]),
    ("assert solution.f(1) in ([1, 2], [2, 1])", [[2, 1]], [[1]]),
    ("assert solution.f(1) == 1 or solution.f(1) == 2", [0, 2], [2, 1]),
    ("r = solution.f(1)\nassert r == 1 or r == 2", [0, 2], [2, 1]),
    ("r = solution.f(1)\nassert r[0] == 1 or r[0] == 2", [0, 2], [2, 1]),
    ("r = solution.f(1)\nassert r[0] == 1 and not (r[1] == 2 or r == [])", [1, 3, [1]],
     [1, 2, [1]]),
    ("assert not (solution.f(1) == 2 or solution.f(2) == 3)", [3, 2], [3, 3]),
    ("assert 1 < solution.f(1) <= 10**9 + 7", [10**9 + 7], [1]),
    ("assert solution.f(1) == [0] * 3 + [1]", [[0, 0, 0, 1]], [[0, 0, 0]]),
    ("assert solution.f(1) == list(range(3))", [[0, 1, 2]], [[0, 1]]),
    ("assert solution.f(1) == float('inf')", [float("inf")], [1e308]),
    ("want = [3]\nassert solution.f(1) == want\nassert solution.f(2) == want", [[3], [3]],
     [[3], [4]]),
    ("nums = [1, 2]\nsolution.g(nums)\nassert nums == [2, 1]", [[2, 1]], [[1, 2]]),
    ("nums = [1, 2]\nk = solution.g(nums)\nassert k == 1 and nums[:k] == [1]", [1, [1]],
     [1, [2]]),
    ("a, b = Codec(), Codec()\nassert solution.f(1) == 1", [1], [2]),
    ("codec = Codec()\nassert codec.decode(codec.encode('ab')) == 'ab'", ["ab"], ["a"]),
    ("assert Solution().g(Solution().f(1)).to_list() == [1]", [[1]], [[2]]),
    ("c = Cache(2)\nc.put(1, 1)\nassert c.get(1) == 1\nassert c.get(2) == -1", [1, -1], [1, 1]),
    ("def check(candidate):\n    assert candidate(a=1) == 2\n\ncheck(Solution().f)", [2], [3]),
    ("assert is_same_list(solution.f(list_node([1])), list_node([2]))", [None], [None]),
    ("'docs'\nimport math\nassert solution.f(1) == 2, 'why'", [2], [3]),
    (f"print(f'{'x' * 120}{{[1, 2]}}{{1:{'0' * 120}d}}')\nassert solution.f(1) == 2", [2], [3]),
]  # fmt: skip
SPLIT_WITH_NODES = [
    ("assert solution.f(1) == ListNode(1, ListNode(2))", {"ListNode": [1, 2]}),
    ("assert solution.f(1) == [1, 2]", {"ListNode": [1, 2]}),
    ("assert is_same_list(solution.f(1), list_node([1, 2]))", {"ListNode": [1, 2]}),
    ("assert is_same_tree(solution.f(1), TreeNode(1, None, TreeNode(2)))",
     {"TreeNode": [1, None, 2]}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "right", "wrong"), SPLIT, ids=[case[0] for case in SPLIT])
def test_split(text: str, right: list, wrong: list) -> None:
    test = asserts(text)
    assert test.match is Match.VALUES
    assert not test.is_weakly_judged
    if "is_same_list" not in text:
        assert functions.is_right(encode(right).encode(), test, "")
    assert not functions.is_right(encode(wrong).encode(), test, "")
    assert not functions.is_right(encode([*right, 1]).encode(), test, "")
    assert not functions.is_right(encode(right[:-1]).encode(), test, "")
    assert not functions.is_right(encode(right).encode() + b"1", test, "")


@pytest.mark.parametrize(("text", "value"), SPLIT_WITH_NODES)
def test_nodes_are_compared_by_their_values(text: str, value: dict) -> None:
    import json

    assert functions.is_right(json.dumps([value]).encode(), asserts(text), "")
    (kind, items), = value.items()  # fmt: skip
    assert not functions.is_right(json.dumps([{kind: [*items, 3]}]).encode(), asserts(text), "")


@pytest.mark.parametrize(
    "text",
    [
        "assert solution.f(111) == 987654",
        "assert solution.f(111) == [987654] and sorted(solution.f(2)) == [987654]",
        "want = [987654]\nassert solution.f(111) == want",
        "want = 987654\nassert want == solution.f(111)",
        "n = 111\nwant = list_node([987654])\nassert is_same_list(solution.f(n), want)",
        "assert math.isclose(solution.f(111), 987654)",
        "assert solution.f(111) in ([1], [987654])",
        "assert abs(solution.f(111) - 987654) < 1",
    ],
)
def test_expected_values_never_reach_the_program(text: str) -> None:
    composed = compose("pass", asserts(text))
    assert asserts(text).match is Match.VALUES
    assert "987654" not in composed.program + composed.stdin
    assert "111" in composed.program + composed.stdin


UNSPLITTABLE = [
    "assert solution.f(1) is None or solution.f(1)[0] == 3",
    "r = solution.f(1)\nassert r == [] or r[0] == 3",
    "q = Queue()\nassert q.empty() or q.pop() == 3",
    "r = solution.f(1)\nassert not (r != [] and r[0] == 3)",
    "q = Queue()\nq.push(1)\nassert q.pop() == 1 or q.pop() == 2",
    "r = solution.f(1)\nassert (r is not None and r.val == 3) or r is None",
    "for x, y in [(1, 2)]:\n    assert solution.f(x) == y",
    "def same(a, b): return a == b\nassert same(solution.f(1), 2)",
    "assert same(solution.f(1), 2)",
    "r = solution.f(1)\nassert same(r, 2)",
    "assert all(solution.f(x) == y for x, y in [(1, 2)])",
    "import numpy as np\nassert np.allclose(solution.f(1), [2])",
    "assert solution.f(1) == solution.g(1)",
    "nums = [1]\nassert solution.f(nums) == nums",
    "assert (lambda r: r == 2)(solution.f(1))",
    "assert [x + 1 for x in solution.f(1)] == [2]",
    "assert solution.f(1) == open('x').read()",
    "assert True",
    "assert f'{solution.f(1)}' == '2'",
    "assert solution.f(1) is 'x'",
    "want = [2]\nassert solution.f(1) == want\nprint(want)",
    "try:\n    assert solution.f(1) == 2\nexcept KeyError: pass",
    "x = 1\nx += 1\nassert solution.f(x) == 2",
    "a = b = [2]\nassert solution.f(1) == a",
    "a, want = [1], [2]\nassert solution.f(a) == [2]",
    "ok = solution.f(1) == 2\nassert ok",
    "off = solution.f(1) - 2\nassert off == 0",
    "ok = [x == 2 for x in solution.f(1)]\nassert ok[0]",
    "assert solution.f(1).startswith('ab')",
    "r = solution.f(1)\nassert r.startswith('ab')",
    "r = f(1)\nassert r.equals([2])",
    "r, s = solution.f(1)\nassert r.equals([2])",
    "r = solution.f(1)\ns = r\nassert s.equals([2])",
    "assert {2: True}.get(solution.f(1))",
    "want = {2: True}\nassert want.get(solution.f(1))",
    "assert dict([(2, True)]).get(solution.f(1))",
    "assert '2'.startswith(solution.f(1))",
    "assert [lambda r: r == 2][0](solution.f(1))",
    "assert solution.f(1) == 1 + 2j",
    "assert solution.f(1) == [1 + 2j]",
    "assert solution.f(1) == [...]",
]


@pytest.mark.parametrize("text", UNSPLITTABLE)
def test_what_cannot_be_split_is_weakly_judged(text: str) -> None:
    test = asserts(text)
    assert test.match is Match.ASSERTS
    assert test.is_weakly_judged
    ast.parse(compose("pass", test).program)


@pytest.mark.parametrize(
    "check",
    ["[0] * 10**9 == values[0]", "10 ** 10 ** 8 == values[0]", "range(10**9) == values[0]",
     "set(values[0]) == 1", "values[0] + 'a' == 1", "values[0] / 0 == 1", "values[0][9] == 1",
     "values[0] % 7 == 3"],
)  # fmt: skip
def test_a_check_that_fails_or_would_take_for_ever_does_not_hold(check: str) -> None:
    assert not all_hold(f"{check}\n[]", [list(range(20_000))])
    assert not all_hold(f"{check}\n[]", [1])
    assert not all_hold(f"{check}\n[]", ["%99999999999d"])  # a text's width, where a % is


def test_a_check_cannot_execute(executor: Executor) -> None:
    row = {"input": "[]", "output": "__import__('os').abort() == values[0]\n[]", "match": "values"}
    assert status(executor, "effirl_observe(1)", TestCase.from_row(row)) is Status.WRONG_ANSWER


def test_usual_imports_take_what_occurs_only() -> None:
    assert usual_imports("x.append(1)") == ""
    assert usual_imports("copy.deepcopy(Counter(a))").splitlines() == [
        "import copy",
        "from collections import Counter",
    ]
    assert usual_imports("pow(2, 3, 5) + len(x)") == "", "built-in functions are not hidden"


TWO_SUM = """
class Solution:
    def twoSum(self, nums: List[int], target: int) -> List[int]:
        seen = defaultdict(int)
        for i, n in enumerate(nums):
            if target - n in seen:
                return [seen[target - n], i]
            seen[n] = i
        return []
"""
TWO_SUM_TESTS = """
solution = Solution()
assert solution.twoSum([2, 7, 11, 15], 9) == [0, 1]
assert solution.twoSum([3, 3], 6) == [0, 1]
"""
LISTS = """
class Solution:
    def reverse(self, head: Optional[ListNode]) -> Optional[ListNode]:
        last = None
        while head:
            head.next, last, head = last, head, head.next
        return last
    def invert(self, root):
        if root:
            root.left, root.right = self.invert(root.right), self.invert(root.left)
        return root
"""
HONEST = [
    (TWO_SUM, TWO_SUM_TESTS),
    ("from __future__ import annotations\n" + TWO_SUM, TWO_SUM_TESTS),
    ("'''docs'''\nfrom __future__ import annotations\n" + TWO_SUM, TWO_SUM_TESTS),
    ("from __future__ import (\n    annotations,\n)\n" + TWO_SUM, TWO_SUM_TESTS),
    (TWO_SUM + "if __name__ == '__main__':\n    print(input())\n", TWO_SUM_TESTS),
    (TWO_SUM + "print('debugging', Solution().twoSum([1], 2))\n", TWO_SUM_TESTS),
    ("def f(a):\n    a.append(1)\n", "a = []\nf(a)\nassert a == [1]"),
    ("def f(x):\n    return math.sqrt(x) if x else gcd(4, 6)\n",
     "assert f(0) == 2\nassert math.isclose(f(2), 1.4142, rel_tol=1e-3)"),
    (LISTS, "assert solution.reverse(list_node([1, 2, 3])) == list_node([3, 2, 1])"),
    (LISTS, "a = ListNode(1)\na.next = ListNode(2)\nassert solution.reverse(a) == [2, 1]"),
    (LISTS, "assert solution.reverse(None) is None"),
    (LISTS, "assert is_same_tree(solution.invert(tree_node([1, 2])), tree_node([1, None, 2]))"),
    ("class ListNode:\n    def __init__(self, x):\n        self.val, self.next = x, None\n" + LISTS
     + "assert type(ListNode(1)) is ListNode\n",
     "assert solution.reverse(list_node([1, 2])) == list_node([2, 1])"),
    ("from dataclasses import *\n@dataclass\nclass P:\n    x: 'int' = 0\ndef f(): return P().x",
     "assert f() == 0"),
    ("import numpy as np\ndef f(): return np.arange(3).sum()", "assert f() == 3"),
    ("def f(): return [3]", "import sys, numpy as np\nassert f() == [3]"),
    ("def f(z): return abs(z[0])", "assert f([3 + 4j]) == 5"),
    ("def f(): return 10**5000", "assert f() == 10**5000"),
    ("def f(n): return list(range(n))", f"assert f(50000) == {list(range(50000))}"),
    ("data = observe = finish = values = expected = None\ndef f(): return 1", "assert f() == 1"),
]  # fmt: skip


@pytest.mark.parametrize(("program", "text"), HONEST)
def test_honest_programs_pass(executor: Executor, program: str, text: str) -> None:
    assert asserts(text).match is Match.VALUES
    assert status(executor, program, text) is Status.OK


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return [1, 0]", Status.WRONG_ANSWER),
        ("return (0, 1)", Status.WRONG_ANSWER),
        ("return None", Status.WRONG_ANSWER),
        ("return (i for i in (0, 1))", Status.WRONG_ANSWER),
        ("return 1 / 0", Status.RUNTIME_ERROR),
        ("sys.exit(0)", Status.WRONG_ANSWER),
        ("sys.exit(1)", Status.RUNTIME_ERROR),
        ("a = []; a.append(a); return a", Status.RUNTIME_ERROR),
        ("return [0] * 10**12", Status.MEMORY_LIMIT),
        ("return 'x' * (2 << 20)", Status.WRONG_ANSWER),
        ("raise AssertionError", Status.RUNTIME_ERROR),
        ("return (", Status.SYNTAX_ERROR),
    ],
)
def test_statuses(executor: Executor, body: str, expected: Status) -> None:
    program = f"class Solution:\n    def twoSum(self, nums, target):\n        {body}\n"
    assert status(executor, program, TWO_SUM_TESTS) is expected


@pytest.mark.parametrize(
    ("body", "limits", "expected"),
    [
        ("while True: pass", Limits(wall_s=0.5), Status.TIME_LIMIT),
        ("return 'x' * 5000", Limits(output_bytes=1000), Status.OUTPUT_LIMIT),
    ],
)
def test_limits(executor: Executor, body: str, limits: Limits, expected: Status) -> None:
    test, program = asserts("assert f() == 1"), f"def f():\n    {body}"
    (result,) = executor.map(lambda worker, t: run_test(worker, program, t, limits), [test])
    assert isinstance(result, ExecutionResult)
    assert result.status is expected


def test_one_raising_call_fails_its_own_test_only(executor: Executor) -> None:
    program = "def f(x): return 1 // x"
    tests = [asserts("assert f(0) == 1"), asserts("assert f(1) == 1")]
    (judgement,) = executor.map(
        lambda worker, t: judge(worker, program, t, Limits(), run_all=True), [tests]
    )
    assert (judgement.status, judgement.pass_rate) == (Status.RUNTIME_ERROR, 0.5)
    assert not judgement.is_weakly_judged


def test_call_rows(executor: Executor) -> None:
    row = {"call": "solution.twoSum([2, 7], 9)", "output": [5], "also_accepted": [[0, 1]]}
    assert status(executor, TWO_SUM, TestCase.from_row(row)) is Status.OK
    row["also_accepted"] = [None]
    assert status(executor, TWO_SUM, TestCase.from_row(row)) is Status.WRONG_ANSWER
    assert status(
        executor, "def f(): pass", TestCase.from_row({"call": "f()", "output": None})
    ) is (Status.OK)


LOOP = "for x, y in [(1, 2), (2, 3)]:\n    assert f(x) == y"


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("def f(x): return x + 1", Status.OK),
        ("def f(x): print('noise'); return x + 1", Status.OK),
        ("def f(x): return x", Status.WRONG_ANSWER),
        ("def f(x): sys.exit(0)", Status.WRONG_ANSWER),
        ("import os\nos._exit(0)", Status.WRONG_ANSWER),
        ("def f(x): print('OK'); sys.exit(0)", Status.WRONG_ANSWER),
        ("def f(x): raise KeyError", Status.RUNTIME_ERROR),
        ("def f(x): while", Status.SYNTAX_ERROR),
    ],
)
def test_weakly_judged_runs(executor: Executor, program: str, expected: Status) -> None:
    test = asserts(LOOP)
    assert status(executor, program, test) is expected
    (judgement,) = executor.map(
        lambda worker, t: judge(worker, program, [t], Limits(), run_all=True), [test]
    )
    assert judgement.is_weakly_judged


def test_completion_proof_is_new_each_time() -> None:
    test = asserts(LOOP)
    assert compose("pass", test).stdin != compose("pass", test).stdin
    assert not functions.is_right(b"", test, compose("pass", test).stdin)


SLOW = "class Solution:\n    def total(self, nums: List[int]) -> int:\n" + (
    "        return sum(nums[i] for i in range(len(nums)) for _ in range(20)) // 20\n"
)
FAST = "class Solution:\n    def total(self, nums: List[int]) -> int:\n        return sum(nums)\n"
WRONG_WHEN_LARGE = FAST.replace("sum(nums)", "sum(nums[:100])")


def test_a_faster_function_measures_faster(executor: Executor) -> None:
    large = asserts(f"assert solution.total({list(range(20_000))}) == {sum(range(20_000))}")

    def measure(worker, programs: tuple[str, str]) -> float:
        return compare(worker, *programs, [large], Limits()).time_log2_ratio

    better, worse = executor.map(measure, [(SLOW, FAST), (FAST, SLOW)])
    assert better > 1.5
    assert worse < -1.5


def test_a_wrong_value_where_it_is_timed(executor: Executor) -> None:
    large = asserts(f"assert solution.total({list(range(2000))}) == {sum(range(2000))}")
    assert status(executor, WRONG_WHEN_LARGE, "assert solution.total([1, 2]) == 3") is Status.OK
    assert status(executor, WRONG_WHEN_LARGE, large) is Status.WRONG_ANSWER
