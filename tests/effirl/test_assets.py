"""What the package ships as `codet5-nano`."""

import re
from collections import Counter

import pytest

from effirl.data import catalog
from effirl.data.corpus import held_out_corpus
from effirl.data.noise import NUM_SENTINELS, sentinel
from effirl.data.overlap import leave_out, trained_on
from effirl.data.problems import LoadedProblems
from effirl.data.prompts import TAGS
from effirl.model_files import BUILTIN_FOLDERS, BUILTIN_MODEL, TUNED_MODEL
from effirl.policy import Policy, load_policy


@pytest.fixture(scope="module")
def nano() -> Policy:
    return load_policy("codet5-nano")


def test_it_is_small_and_in_half_precision(nano: Policy) -> None:
    parameters = nano.model.num_parameters()
    assert 2_000_000 <= parameters <= 5_000_000
    for folder in BUILTIN_FOLDERS.values():
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        assert size < 12_000_000
        weights = (folder / "model.safetensors").stat().st_size
        assert weights == pytest.approx(2 * parameters, rel=0.02)


def test_its_special_tokens_have_the_ids_of_codet5(nano: Policy) -> None:
    tokens = ["<pad>", "<s>", "</s>", "<unk>", "<mask>"]
    assert nano.tokenizer.convert_tokens_to_ids(tokens) == [0, 1, 2, 3, 4]
    ids = [nano.tokenizer.convert_tokens_to_ids(sentinel(i)) for i in range(NUM_SENTINELS)]
    num_base_tokens = len(nano.tokenizer) - len(TAGS)  # the tags come after what CodeT5 has
    assert ids == [num_base_tokens - 1 - i for i in range(NUM_SENTINELS)]
    config = nano.model.config
    assert config.architectures == ["T5ForConditionalGeneration"]
    assert (config.pad_token_id, config.bos_token_id, config.eos_token_id) == (0, 1, 2)
    assert config.decoder_start_token_id == 0
    assert config.vocab_size == len(nano.tokenizer)


@pytest.mark.parametrize(
    "text",
    [
        "def f(a):\n\treturn  [a , a]\n\n\n        # é ✓ 漢字 🙂\r\n",
        "x = 1  \n\n    y = 'it''s' ; print( x , y ) !\n",
        "print(1000000007 % 998244353)",
        "   leading and trailing   ",
    ],
)
def test_any_text_survives_the_tokenizer(nano: Policy, text: str) -> None:
    ids = nano.tokenizer(text)["input_ids"]
    assert nano.tokenizer.unk_token_id not in ids
    assert nano.tokenizer.decode(ids, skip_special_tokens=True) == text


def test_programs_take_few_tokens(nano: Policy) -> None:
    programs = [text.program for text in held_out_corpus()]
    tokens = sum(len(ids) for ids in nano.tokenizer(programs)["input_ids"])
    assert sum(map(len, programs)) / tokens > 2.2


def test_its_card_names_the_command_and_good_scores(nano: Policy) -> None:
    card = (BUILTIN_FOLDERS[BUILTIN_MODEL] / "README.md").read_text(encoding="utf-8")
    assert "python scripts/pretrain.py --config configs/pretrain_more.yaml" in card
    scores = {}
    for task in ("copied", "rebuilt, a tenth of it damaged"):
        row = re.search(rf"program {task} \| (\d\.\d+) \| (\d\.\d+)", card)
        assert row is not None
        scores[task] = [float(score) for score in row.groups()]
    # A model that only knows what programs look like copies none of these.
    assert min(scores["copied"]) > 0.4
    assert min(scores["rebuilt, a tenth of it damaged"]) > 0.02


def test_the_tuned_one_is_told_alpha_and_knows_what_it_was_trained_on() -> None:
    assert load_policy(TUNED_MODEL).is_conditioned
    train = catalog.load("train", instances_per_family=2, with_tests=False).problems
    test = catalog.load("test", instances_per_family=2, with_tests=False).problems
    seen = trained_on(str(BUILTIN_FOLDERS[TUNED_MODEL]))
    left = leave_out(LoadedProblems([*train, *test], Counter()), seen, "as in training")
    assert left.problems == test
