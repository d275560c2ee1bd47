"""What is told of a program by its text."""

import pytest

from effirl.data.programs import MAIN_BLOCK, public_names


@pytest.mark.parametrize(
    ("program", "names"),
    [
        (
            "try:\n    import numpy\nexcept ImportError:\n    def f(): ...\nelse:\n    g = 1\n",
            "f g",
        ),
        (
            "with lock:\n    if fast:\n        def f(): ...\n    else:\n        class C: ...\n",
            "f C",
        ),
        ("match size:\n    case 1:\n        f = 1\n    case _:\n        g: int = 2\n", "f g"),
        (
            "class C:\n    x = 1\n    def f(self):\n        y = 2\n    def _g(self): ...\n",
            "C C.x C.f",
        ),
        ("class C:\n    class D:\n        async def f(self): ...\n", "C C.D C.D.f"),
        ("class _C:\n    def f(self): ...\n", ""),
        ("for n in range(3):\n    last = n\n", ""),
        ("import os\nfrom math import gcd\n", ""),
    ],
)
def test_names_are_public_that_others_can_use(program: str, names: str) -> None:
    assert public_names(program) == set(names.split())


@pytest.mark.parametrize("test", ["__name__ == '__main__'", "'__main__' == __name__"])
def test_what_runs_when_it_is_started_counts_as_one(test: str) -> None:
    program = f"def f(): ...\nif {test}:\n    n = f()\nelse:\n    g = 1\n"
    assert public_names(program) == {"f", "g", MAIN_BLOCK}


def test_a_stand_in_for_an_import_is_no_name_of_the_program() -> None:
    program = "try:\n    import numpy as np\nexcept ImportError:\n    np = None\nx = 1\n"
    assert public_names(program) == {"x"}
