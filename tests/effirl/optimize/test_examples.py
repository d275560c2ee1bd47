"""What is read of the user's files, and what is refused."""

from pathlib import Path

import pytest

from effirl.errors import UserError
from effirl.optimize.config import OptimizeConfig, parse_arguments
from effirl.optimize.examples import read_assignment
from rewards.records import Match


def write(folder: Path, **files: str) -> Path:
    """Write files, named with __ for a dot, and return the program's path."""
    for name, text in files.items():
        path = folder / name.replace("__", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "slow.py"


def test_the_program_is_the_first_or_the_last_word() -> None:
    for argv in (["--alpha", "1", "slow.py"], ["--in-place", "slow.py"]):
        assert parse_arguments(argv).program == Path("slow.py")
    named = parse_arguments(["--program", "slow.py", "--tests", "test_slow.py"])
    assert (named.program, named.tests) == (Path("slow.py"), Path("test_slow.py"))
    config = parse_arguments(["slow.py", "-n", "4", "--alpha", "1", "--in-place"])
    assert config.program == Path("slow.py")
    assert (config.num_samples, config.alpha, config.in_place) == (4, 1.0, True)
    assert parse_arguments(["--alpha", "0", "--program", "a.py"]).program == Path("a.py")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "effirl optimize slow.py"),
        (["slow.py", "--alpha", "2"], "alpha must be 0 to 1"),
        (["slow.py", "--stdin-dir", "a", "--tests", "b"], "--tests must be left out"),
        (["slow.py", "--rounds", "0"], "rounds must be at least 1"),
    ],
)
def test_a_setting_is_refused(argv: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse_arguments(argv)


def test_inputs_are_read_in_natural_order_with_their_outputs(tmp_path: Path) -> None:
    folder = tmp_path / "cases"
    folder.mkdir()
    for name, text in {"2.in": "2\n", "10.in": "10\n", "10.out": "0.5\n"}.items():
        (folder / name).write_text(text)
    program = write(tmp_path, slow__py='"""Halve.\n\nMore."""\n\nprint(int(input()) / 2)\n')
    found = read_assignment(OptimizeConfig(program=program, stdin_dir=folder))
    assert [Path(example.where).name for example in found.examples] == ["2.in", "10.in"]
    assert [example.is_expected_known for example in found.examples] == [False, True]
    assert found.examples[1].case.match is Match.NUMBERS
    assert found.description == "Halve."
    assert found.prompt_program == "print(int(input()) / 2)\n"
    assert not found.is_function_style


def test_examples_are_found_beside_the_program(tmp_path: Path) -> None:
    program = write(tmp_path, slow__py="print(input())\n")
    with pytest.raises(UserError, match="nothing to run"):
        read_assignment(OptimizeConfig(program=program))
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "1.in").write_text("1\n")
    assert len(read_assignment(OptimizeConfig(program=program)).examples) == 1
    write(tmp_path, slow_a__in="1\n", slow_b__in="2\n")
    assert len(read_assignment(OptimizeConfig(program=program)).examples) == 2
    write(tmp_path, test_slow__py="assert f(1) == 1\n")
    assert read_assignment(OptimizeConfig(program=program)).is_function_style


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("#!/usr/bin/env python3\n# Mine.\n", "@cache\ndef f(): ...\n"),
        ('# Mine.\n"""Double.\n\nMore."""\n', "\nimport sys\n"),
        ('# Mine.\n\x0c\n"""Double.\n\x0b\nMore."""\n', "import sys\n"),
        ("", '"""Double."""; print(input())\n'),
        ("", "print(input())  # at once\n"),
    ],
)
def test_what_stands_above_the_code_is_not_for_the_policy(
    tmp_path: Path, header: str, code: str
) -> None:
    program = write(tmp_path, slow__py=header + code, slow__in="1\n")
    found = read_assignment(OptimizeConfig(program=program))
    assert found.header == header
    assert found.prompt_program == code.lstrip("\n")


def test_our_own_example_is_found_with_its_inputs() -> None:
    program = Path(__file__).parents[3] / "examples" / "windows.py"
    found = read_assignment(OptimizeConfig(program=program))
    assert len(found.examples) == 3
    assert found.header.startswith('"""Largest sum')


ASSERTS = '''\
import slow
from slow import total

data = [1, 2]

def test_small():
    """Two of them."""
    assert total(3) == 3
    assert slow.total(0) == 0

assert total(data) == 3
'''


def test_asserts_are_cases_of_calls(tmp_path: Path) -> None:
    program = write(tmp_path, slow__py="def total(n): ...\n", test_slow__py=ASSERTS)
    small, large = read_assignment(OptimizeConfig(program=program)).examples
    assert small.where.endswith("test_slow.py:6")
    assert large.where.endswith("test_slow.py:11")
    assert small.case.match is large.case.match is Match.VALUES
    assert small.case.input.count("effirl_observe") == 2
    assert "slow" not in small.case.input


def test_a_block_of_imports_stays_a_block(tmp_path: Path) -> None:
    text = "if TYPE_CHECKING:\n    from slow import T\nassert f(3) == 3\n"
    program = write(tmp_path, slow__py="def f(n): ...\n", test_slow__py=text)
    (example,) = read_assignment(OptimizeConfig(program=program)).examples
    assert "if TYPE_CHECKING:" in example.case.input
    assert "pass" in example.case.input


@pytest.mark.parametrize(
    "text",
    [
        "from slow import total as sum_of\nassert sum_of(3) == 3\n",
        "def test_a():\n    from slow import total\n    assert total(3) == 3\n",
        "import slow, math\nassert slow.total(3) == 3\n",
        "import pytest\nimport slow as s\nassert s.total(3) == 3\n",
        "from slow import total\nassert total(3) == 3\n"
        "if __name__ == '__main__':\n    import pytest\n    pytest.main()\n",
    ],
)
def test_the_program_is_not_imported(tmp_path: Path, text: str) -> None:
    program = write(tmp_path, slow__py="def total(n): ...\n", test_slow__py=text)
    (example,) = read_assignment(OptimizeConfig(program=program)).examples
    assert example.case.match is Match.VALUES
    assert "effirl_observe(total(3))" in example.case.input
    assert "slow" not in example.case.input


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\n", "asserts nothing"),
        (
            "import pytest\nwith pytest.raises(E):\n    f(1)\n",
            "test_slow.py:2: pytest is not there",
        ),
        ("def test_a(n):\n    assert n\n", "test_slow.py:1: test_a has parameters"),
        ("\n@mark\ndef test_a():\n    assert f(1)\n", "test_a has parameters or decorators"),
        ("class TestA:\n    pass\n", "TestA is a class"),
        (
            "assert f(1) == 1\nclass FTest(Base):\n    def test_f(self):\n        self.fail()\n",
            "test_slow.py:2: FTest is a class",
        ),
        ("def helper():\n    assert f(1)\nhelper()\n", "test_slow.py:1: an assert inside"),
        ("for i in [1]:\n    assert f(i)\n", "test_slow.py:1: an assert inside"),
        ("assert (\n", "test_slow.py:1: not Python"),
        ("def test_a():\n    pass\n", "must assert something"),
    ],
)
def test_asserts_that_would_not_run_are_refused(tmp_path: Path, text: str, message: str) -> None:
    program = write(tmp_path, slow__py="def f(n): return n\n", test_slow__py=text)
    with pytest.raises(UserError, match=message):
        read_assignment(OptimizeConfig(program=program))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "def test_a():\n    from slow import f as h\n    assert h(3) == 9\n"
            "def test_b():\n    from slow import g as h\n    assert h(3) == 9\n",
            "h stands for 2 names of the program's",
        ),
        (
            "import slow\ndef f(n): return n\ndef test_a(): assert slow.f(10) == f(10)\n",
            "test_slow.py:2: f is a name of the program's",
        ),
        (
            "from slow import f as fast\ndef f(n): return 3\nassert fast(3) == f(3)\n",
            "test_slow.py:2: f is",
        ),
        (
            "import slow\ndef test_a():\n    f = slow.f('ab')\n    assert slow.f('') == f\n",
            "test_slow.py:3: f is",
        ),
        ("import slow\nfrom brute import f\nassert slow.f(1) == f(1)\n", "test_slow.py:2: f is"),
        ("for data in [1, 2]:\n    pass\nassert f(3) == 3\n", "test_slow.py:1: data is"),
        ("import slow\nslow = 3\nassert slow.f(3) == 3\n", "test_slow.py:2: slow is"),
        ("from slow import _g\n_g = abs\nassert _g(3) == 3\n", "test_slow.py:2: _g is"),
        (
            "import slow\ndef same(f): return slow.f(f) == f\nassert same(3)\n",
            "test_slow.py:2: f is",
        ),
        (
            "from slow import f as fast\nassert [fast(1) for fast in [abs]] == [1]\n",
            "test_slow.py:2: fast is",
        ),
        ("def put(n):\n    global f\n    f = n\nput(abs)\nassert f(3) == 3\n", "slow.py:2: f is"),
    ],
)
def test_a_name_of_the_program_is_not_the_tests_own_too(
    tmp_path: Path, text: str, message: str
) -> None:
    source = "data = [7]\ndef f(n): return n\ndef _g(n): return n\n"
    program = write(tmp_path, slow__py=source, test_slow__py=text)
    with pytest.raises(UserError, match=message):
        read_assignment(OptimizeConfig(program=program))


@pytest.mark.parametrize(
    "text",
    [
        "from slow import f\ndef brute(n):\n    f = 0\n    return f + n\nassert f(3) == brute(3)\n",
        "import slow\nassert [slow.f(n) for n in [1]] == [data for data in [1]]\n",
        "from slow import f as fast\nn = 3\nassert fast(n) == (lambda data: data)(n)\n",
    ],
)
def test_a_name_in_a_scope_of_its_own_may_be_the_programs_elsewhere(
    tmp_path: Path, text: str
) -> None:
    source = "data = [7]\ndef f(n): return n\n"
    program = write(tmp_path, slow__py=source, test_slow__py=text)
    (example,) = read_assignment(OptimizeConfig(program=program)).examples
    assert "f(" in example.case.input
    assert "slow" not in example.case.input


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("def f(:\n", r"slow.py:1: not Python \(invalid syntax\); fix"),
        ("# nothing\n", "slow.py holds no statements"),
        (None, "cannot read"),
    ],
)
def test_a_program_is_refused(tmp_path: Path, content: str | None, message: str) -> None:
    program = tmp_path / "slow.py"
    if content is not None:
        program.write_text(content)
    with pytest.raises(UserError, match=message):
        read_assignment(OptimizeConfig(program=program))


@pytest.mark.parametrize(
    ("name", "message"), [("none", "none is not a folder"), ("empty", r"empty has no \*.in files")]
)
def test_a_folder_without_inputs_is_refused(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    program = write(tmp_path, slow__py="print(input())\n")
    with pytest.raises(UserError, match=message):
        read_assignment(OptimizeConfig(program=program, stdin_dir=tmp_path / name))
