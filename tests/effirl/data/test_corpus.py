import ast
import random
import re
from itertools import pairwise

from effirl.data import catalog
from effirl.data.corpus import build_corpus, held_out_corpus, held_out_forms, normal_form
from effirl.data.noise import (
    MASK,
    denoising_example,
    identifier_example,
    outline_example,
    reconstruction_example,
    sentinel,
    training_example,
)
from effirl.data.random_programs import random_program

SMALL = {"instances_per_family": 3, "num_random": 200, "seed": 0}


def test_a_corpus_is_decided_by_its_seed() -> None:
    corpus = build_corpus(**SMALL)
    assert build_corpus(**SMALL) == corpus
    assert build_corpus(**(SMALL | {"seed": 1})) != corpus
    assert len({text.program for text in corpus}) == len(corpus)


def test_every_program_of_the_corpus_parses() -> None:
    for text in build_corpus(**SMALL):
        ast.parse(text.program)
        assert "\n" not in text.description


def test_nothing_held_out_is_in_the_corpus() -> None:
    """Neither a test instance nor a transfer family, source programs and alternatives alike."""
    learnt = {normal_form(text.program) for text in build_corpus(**SMALL)}
    for split in ("test", "transfer", "validation"):
        problems = catalog.load(split, with_tests=False).problems
        assert problems
        for problem in problems:
            programs = [problem.source_program, *(target.program for target in problem.targets)]
            for program in programs:
                assert ast.unparse(ast.parse(program)) not in learnt


def test_a_held_out_program_that_turns_up_by_chance_is_dropped(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    corpus = build_corpus(**SMALL)
    unlucky = corpus[0].program
    forms = held_out_forms() | {normal_form(unlucky)}
    monkeypatch.setattr("effirl.data.corpus.held_out_forms", lambda: forms)
    remaining = [text.program for text in build_corpus(**SMALL)]
    assert unlucky not in remaining
    assert len(remaining) == len(corpus) - 1


def test_transfer_families_are_not_among_those_of_the_corpus() -> None:
    train = {p.problem_id.split("/")[1] for p in catalog.load("train", with_tests=False).problems}
    transfer = catalog.load("transfer", with_tests=False).problems
    assert train.isdisjoint(p.problem_id.split("/")[1] for p in transfer)


def test_renamed_programs_print_what_they_printed() -> None:
    """The catalog's programs with new names: same structure, names mapped one to one."""
    problems = catalog.load("train", instances_per_family=3, with_tests=False).problems
    originals = {
        shape(program)
        for problem in problems
        for program in (problem.source_program, *(t.program for t in problem.targets))
    }
    corpus = build_corpus(instances_per_family=3, num_random=0, seed=0)
    texts = {text.program for text in corpus}
    assert {shape(program) for program in texts} == originals
    unchanged = texts & {p.source_program.strip("\n") for p in problems}
    assert len(unchanged) < len(problems)


def shape(program: str) -> str:
    """Return the tree with names numbered by first use."""
    tree = ast.parse(program)
    numbers: dict[str, str] = {}

    class Number(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.Name:
            node.id = numbers.setdefault(node.id, f"v{len(numbers)}")
            return node

        def visit_arg(self, node: ast.arg) -> ast.arg:
            node.arg = numbers.setdefault(node.arg, f"v{len(numbers)}")
            return node

        def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
            node.name = numbers.setdefault(node.name, f"v{len(numbers)}")
            return self.generic_visit(node)

    return ast.dump(Number().visit(tree))


def test_random_programs_parse_and_vary() -> None:
    programs = [random_program(random.Random(seed))[1] for seed in range(300)]
    assert len(set(programs)) == 300
    for program in programs:
        ast.parse(program)
        assert "{" not in re.sub(r"\{\w*\}|\{\w+: .*\}", "", program)
        assert len(program) < 1000


def test_random_programs_use_only_names_that_they_make() -> None:
    import builtins

    for seed in range(300):
        tree = ast.parse(random_program(random.Random(seed))[1])
        made = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and is_store(n)}
        made |= {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
        made |= {
            alias.name
            for n in ast.walk(tree)
            if isinstance(n, ast.Import | ast.ImportFrom)
            for alias in n.names
        }
        used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and not is_store(n)}
        assert used - made - set(dir(builtins)) == set()


def is_store(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def code_of(prompt: str) -> str:
    return prompt.split("Initial Code:\n")[1].split("\nPerformance Tag:")[0]


def test_hidden_spans_put_back_give_the_program() -> None:
    rng = random.Random(0)
    for text in held_out_corpus()[:60]:
        prompt, target = denoising_example(text, rng)
        spans = re.split(r"<extra_id_\d+>", target)[1:]
        assert spans
        code = code_of(prompt)
        for index, span in enumerate(spans):
            assert code.count(sentinel(index)) == 1
            code = code.replace(sentinel(index), span)
        assert code == text.program


def test_hidden_names_put_back_give_the_program() -> None:
    rng = random.Random(0)
    for text in held_out_corpus()[:60]:
        prompt, target = identifier_example(text, rng)
        code = code_of(prompt)
        for index, name in enumerate(re.split(r"<extra_id_\d+>", target)[1:]):
            assert name not in re.findall(r"[A-Za-z_]\w*", code)
            code = code.replace(sentinel(index), name)
        assert code == text.program


def test_reconstruction_asks_for_the_whole_program() -> None:
    rng = random.Random(0)
    for text in held_out_corpus()[:60]:
        copy, target = reconstruction_example(text, rng, damage=0.0)
        assert target == text.program
        assert code_of(copy) == text.program
    damaged = [reconstruction_example(text, rng, damage=0.2)[0] for text in held_out_corpus()[:20]]
    assert sum(MASK in prompt for prompt in damaged) > 15


def test_an_outline_shows_some_lines_in_order() -> None:
    rng = random.Random(0)
    shares = []
    for text in held_out_corpus()[:60]:
        prompt, target = outline_example(text, rng)
        assert target == text.program
        lines = code_of(prompt).split("\n")
        assert (MASK, MASK) not in set(pairwise(lines))
        rest = iter(text.program.split("\n"))
        assert all(line in rest for line in lines if line != MASK)
        shares.append(sum(line != MASK for line in lines) / len(text.program.split("\n")))
    assert 0.2 < sum(shares) / len(shares) < 0.4


def test_an_example_never_shows_one_program_and_asks_for_another() -> None:
    """Pieces of the target are those of the one program: no slow program with a better one."""
    rng = random.Random(0)
    texts = held_out_corpus()
    for _ in range(300):
        text = rng.choice(texts)
        prompt, target = training_example(text, rng)
        pieces = [piece for piece in re.split(r"<extra_id_\d+>", target) if piece]
        assert all(piece in text.program for piece in pieces)
        shown = re.split(r"<extra_id_\d+>|<mask>", code_of(prompt))
        assert f"Problem: {text.description}" in prompt
        assert sum(len(piece) for piece in shown) <= len(text.program)
