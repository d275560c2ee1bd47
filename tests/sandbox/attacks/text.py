"""Sources that trouble a compiler, and streams that trouble a reader."""

from rewards.records import Status
from tests.sandbox.attacks.attack import Attack, Check, nothing, prints

_BAD = Status.SYNTAX_ERROR


def _source(
    name: str, text: str, statuses: frozenset[Status] | Status, check: Check = nothing
) -> Attack:
    return Attack(name, text, check, statuses, is_whole=True)


ATTACKS = (
    _source("nul_in_the_source", "x = 1\nprint('\0')", _BAD),
    _source("surrogate_in_the_source", "x = '\ud800'", _BAD),
    _source("not_a_program", "x" * 10 + " y", _BAD),
    _source("empty_source", "", Status.OK, prints("")),
    _source("byte_order_mark", "\ufeffprint('done')", Status.OK, prints("done\n")),
    _source("unknown_encoding", "# -*- coding: mine -*-\nprint(1)", _BAD),
    _source(
        "escaping_encoding",
        "# coding: unicode_escape\nprint('a')\\nprint('b')",
        frozenset({_BAD, Status.OK}),
    ),
    _source("deep_brackets", "(" * 100_000 + ")" * 100_000, _BAD),
    _source("deep_unary", "x = " + "-" * 20_000 + "1", frozenset({_BAD, Status.RUNTIME_ERROR})),
    _source(
        "long_sum",
        "x = " + "+".join(["1"] * 50_000),
        frozenset({_BAD, Status.RUNTIME_ERROR, Status.OK}),
    ),
    _source("long_attributes", "x" + ".y" * 50_000, frozenset({_BAD, Status.RUNTIME_ERROR})),
    _source("deep_blocks", "".join(" " * i + "if 1:\n" for i in range(200)), _BAD),
    _source("long_digits", "x = " + "9" * 100_000, _BAD),
    _source(
        "constants_that_grow",
        "x = (((0,) * 4000,) * 4000,) * 4000\nprint('done')",
        Status.OK,
        prints("done\n"),
    ),
    _source("constant_text_that_grows", "x = 'a' * (1 << 40)", Status.MEMORY_LIMIT),
    _source("many_lines", "x = 1\n" * 50_000 + "print('done')", Status.OK, prints("done\n")),
    _source("long_line", "print('" + "a" * 900_000 + "'[:1])", Status.OK, prints("a\n")),
    _source(
        "bidirectional_text", "x = 'a'  # \u202e\u2066 x = 'b'\nprint(x)", Status.OK, prints("a\n")
    ),
    _source(
        "full_width_names", "import \uff4f\uff53\nprint(\uff4f\uff53.sep)", Status.OK, prints("/\n")
    ),
    _source("end_of_the_template", "'''\n\"\"\"\n```\n</solution>\n{0}{}%s", _BAD),
    _source("future_of_the_harness", "from __future__ import braces", _BAD),
    _source("return_to_the_harness", "return 0", _BAD),
    _source("nul_in_the_output", "print('a\\0b')", Status.OK, prints("a\0b\n")),
    _source("surrogate_in_the_output", "print('\\ud800')", Status.RUNTIME_ERROR),
    _source("bytes_in_the_output", "import os\nos.write(1, b'\\xff\\xfe\\0')\nprint()", Status.OK),
    _source(
        "input_by_another_descriptor", "print(open(0).read()[:5])", Status.OK, prints("12345\n")
    ),
    _source("closed_input", "import os\nos.close(0)\nprint('done')", Status.OK, prints("done\n")),
    _source("input_again_and_again", "while True: input()", Status.RUNTIME_ERROR),
    _source("outputs_swapped", "import os\nos.dup2(2, 1)\nprint('hidden')", Status.OK, prints("")),
    _source(
        "output_rewritten",
        "import os\nos.write(1, b'wrong')\nos.pwrite(1, b'right', 0)",
        Status.OK,
        prints("right"),
    ),
    _source(
        "output_left_in_a_buffer", "import os\nprint('lost')\nos._exit(0)", Status.OK, prints("")
    ),
)
