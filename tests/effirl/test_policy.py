import json
import shutil
import time
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoTokenizer, T5Config, T5ForConditionalGeneration

from effirl import model_files
from effirl.errors import UserError
from effirl.policy import Policy, add_lora, encode_prompts, load_policy
from tests.effirl.sampling import sample


def one_line(error: pytest.ExceptionInfo[UserError]) -> str:
    message = str(error.value)
    assert "\n" not in message
    return message


def test_of_a_prompt_that_is_cut_the_tags_stay(policy: Policy) -> None:
    prompt = "Problem: x\nInitial Code:\n" + "x = 1\n" * 60 + "Performance Tag: runtime=1 memory=0"
    short = prompt.replace("x = 1\n" * 60, "x = 1\n")
    (cut, whole), num_cut = encode_prompts(policy.tokenizer, [prompt, short], 80)
    assert num_cut == 1
    assert len(cut) == 80
    text = policy.tokenizer.decode(cut, skip_special_tokens=True)
    assert text.startswith("Problem: x\nInitial Code:\nx = 1\n")
    assert text.endswith("\nPerformance Tag: runtime=1 memory=0")
    assert cut[-1] == whole[-1] == policy.tokenizer.eos_token_id
    assert policy.tokenizer.decode(whole, skip_special_tokens=True) == short


def test_half_precision_weights_are_loaded_in_single(tiny_policy_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_policy_dir, tmp_path / "half")
    model = T5ForConditionalGeneration.from_pretrained(tiny_policy_dir)
    model.half().save_pretrained(tmp_path / "half")
    assert load_policy(tmp_path / "half").model.dtype == torch.float32


def test_an_adapter_changes_nothing_until_trained_and_survives_a_reload(
    tiny_policy_dir: Path, tmp_path: Path, policy: Policy
) -> None:
    plain = sample(policy)
    adapted = Policy(add_lora(policy.model, r=4), policy.tokenizer, "adapted")
    assert sample(adapted) == plain
    trainable = [p for p in adapted.model.parameters() if p.requires_grad]
    assert 0 < sum(p.numel() for p in trainable) < 0.2 * adapted.model.num_parameters()
    torch.manual_seed(0)
    for parameter in trainable:
        torch.nn.init.normal_(parameter, std=0.5)
    trained = sample(adapted)
    assert trained != plain
    adapted.model.save_pretrained(tmp_path / "adapter")
    reloaded = load_policy(tmp_path / "adapter")
    assert sample(reloaded) == trained
    assert any(p.requires_grad for p in reloaded.model.parameters())


def test_a_folder_that_is_missing_or_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError) as missing:
        load_policy(tmp_path / "nothing" / "model")
    assert "codet5-nano" in one_line(missing)
    with pytest.raises(UserError) as empty:
        load_policy(tmp_path)
    assert "config.json" in one_line(empty)


def test_a_folder_with_a_config_but_no_weights_is_refused(
    tiny_policy_dir: Path, tmp_path: Path
) -> None:
    shutil.copy(tiny_policy_dir / "config.json", tmp_path)
    with pytest.raises(UserError) as error:
        load_policy(tmp_path)
    assert str(tmp_path) in one_line(error)


def test_a_tokenizer_of_another_model_is_refused(tiny_policy_dir: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_policy_dir, tmp_path / "mixed")
    T5ForConditionalGeneration(tiny_config(vocab_size=100)).save_pretrained(tmp_path / "mixed")
    with pytest.raises(UserError) as error:
        load_policy(tmp_path / "mixed")
    assert "100" in one_line(error)


def test_a_causal_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(UserError) as error:
        load_policy(tmp_path)
    assert "encoder-decoder" in one_line(error)


def test_where_a_causal_model_will_do_an_encoder_alone_does_not(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        '{"model_type": "bert", "architectures": ["BertForMaskedLM"]}'
    )
    with pytest.raises(UserError) as error:
        load_policy(tmp_path, allow_causal=True)
    assert "bert" in one_line(error)


def test_lora_that_matches_nothing_is_told(tiny_policy_dir: Path) -> None:
    model = load_policy(tiny_policy_dir).model
    model.config.is_encoder_decoder = False  # so that other names are looked for
    with pytest.raises(UserError, match="LoRA trains the modules q_proj"):
        add_lora(model)


def test_an_unreachable_hub_is_one_line_and_fast(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    started = time.monotonic()
    with pytest.raises(UserError) as error:
        load_policy("Salesforce/codet5-small")
    assert time.monotonic() - started < 5
    assert "codet5-nano" in one_line(error)
    assert "Salesforce/codet5-small" in one_line(error)


def test_a_name_that_the_hub_does_not_allow_is_one_line() -> None:
    with pytest.raises(UserError) as error:
        load_policy("no spaces/please")
    assert "codet5-nano" in one_line(error)


def test_missing_builtin_weights_say_how_to_get_them_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(model_files.BUILTIN_FOLDERS, "codet5-nano", tmp_path)
    with pytest.raises(UserError) as error:
        load_policy("codet5-nano")
    assert "git checkout effirl/assets" in one_line(error)


def tiny_config(vocab_size: int) -> T5Config:
    return T5Config(
        vocab_size=vocab_size, d_model=16, d_kv=4, d_ff=32, num_layers=1, num_heads=4,
        pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=0,
    )  # fmt: skip


def make_hub_folder_of_2021(folder: Path, tiny_policy_dir: Path) -> Tokenizer:
    """Write the files that Salesforce/codet5-small has on the hub, for a tiny random model.

    CodeT5 counts its sentinels down: <extra_id_0> has the last id.
    """
    source = AutoTokenizer.from_pretrained(tiny_policy_dir).backend_tokenizer
    source.model.save(str(folder))  # vocab.json and merges.txt
    size = source.get_vocab_size()
    sentinels = [f"<extra_id_{i}>" for i in range(100)]
    added = {token: size + 99 - i for i, token in enumerate(sentinels)}
    special = {
        "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "sep_token": "</s>",
        "pad_token": "<pad>", "cls_token": "<s>", "mask_token": "<mask>",
        "additional_special_tokens": sentinels[::-1],
    }  # fmt: skip
    tokenizer_config = special | {
        "errors": "replace", "add_prefix_space": False, "trim_offsets": True,
        "model_max_length": 512, "tokenizer_class": "RobertaTokenizer",
    }  # fmt: skip
    config = tiny_config(size + 100).to_diff_dict() | {
        "architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "n_positions": 512,
        "output_past": True, "gradient_checkpointing": False, "torch_dtype": "float32",
        "transformers_version": "4.10.0.dev0",
        "task_specific_params": {"summarization": {"num_beams": 4, "early_stopping": True}},
    }  # fmt: skip
    for name, content in (
        ("added_tokens.json", added),
        ("special_tokens_map.json", special),
        ("tokenizer_config.json", tokenizer_config),
        ("config.json", config),
    ):
        (folder / name).write_text(json.dumps(content))
    torch.manual_seed(0)
    model = T5ForConditionalGeneration(tiny_config(size + 100))
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    return source


def test_the_hub_layout_of_2021_loads_and_generates(tiny_policy_dir: Path, tmp_path: Path) -> None:
    source = make_hub_folder_of_2021(tmp_path, tiny_policy_dir)
    policy = load_policy(tmp_path)
    code = "def f(a):\n\treturn  [a , a]\n\n    # é ✓\n"
    ids = policy.tokenizer(code)["input_ids"]
    assert ids == source.encode(code).ids
    assert policy.tokenizer.decode(ids, skip_special_tokens=True) == code
    assert policy.tokenizer.convert_tokens_to_ids("<extra_id_0>") == len(policy.tokenizer) - 1
    saved = torch.load(tmp_path / "pytorch_model.bin", weights_only=True)
    loaded = policy.model.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in saved.items())
    assert [len(texts) for texts in sample(policy)] == [3, 3, 3]
