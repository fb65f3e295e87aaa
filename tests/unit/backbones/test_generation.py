from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from mmfeat.backbones.generation import generate, log_probabilities
from mmfeat.backbones.generative import GenerativeBackbone
from mmfeat.errors import MmfeatError
from tests.unit.backbones import vlm_models
from tests.unit.backbones.vlm_models import in_double

HOOK = "lm.layers.1"
PROMPT = "a red heart"
NEW = 6
TEMPLATE = (
    "{% for m in messages %}[{{ m['role'] }}]{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<image>{% else %}{{ c['text'] }}{% endif %}{% endfor %}"
    "{% endfor %}{% if add_generation_prompt %}[model]{% endif %}"
)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], GenerativeBackbone]:
    root = tmp_path_factory.mktemp("models that write")
    kept: dict[str, GenerativeBackbone] = {}

    def load(family: str) -> GenerativeBackbone:
        if family not in kept:
            folder = vlm_models.save(family, root / family)
            kept[family] = GenerativeBackbone(f"hf:{family}", str(folder), "cpu")
        return kept[family]

    return load


@pytest.fixture(params=list(vlm_models.FAMILIES))
def family(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def backbone(family: str, loaded: Callable[[str], GenerativeBackbone]) -> GenerativeBackbone:
    return loaded(family)


def picture(seed: int = 0) -> Image.Image:
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 255, (40, 32, 3), dtype=np.uint8))


def asked(family: str, backbone: GenerativeBackbone, shown: bool) -> dict[str, torch.Tensor]:
    """What the processor makes of picture and prompt, written as each family documents it."""
    if shown:
        mark = "<image>"
        if family.startswith("qwen"):
            mark = "<|vision_start|><|image_pad|><|vision_end|>"
        made = backbone.processor(images=[picture()], text=[mark + PROMPT], return_tensors="pt")
    elif family.startswith("paligemma"):
        made = backbone.tokenizer([f"<bos>{PROMPT}\n"], return_tensors="pt")
        made["token_type_ids"] = torch.zeros_like(made["input_ids"])
    else:
        made = backbone.tokenizer([PROMPT], return_tensors="pt")
        made.pop("token_type_ids", None)
    return {name: value for name, value in made.items() if name != "labels"}


def own_text(
    backbone: GenerativeBackbone, tensors: dict[str, torch.Tensor], **options: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    """Greedy tokens and log-probabilities by transformers alone."""
    made = backbone.whole.generate(
        **tensors,
        **options,
        do_sample=False,
        max_new_tokens=NEW,
        return_dict_in_generate=True,
        output_logits=True,
        suppress_tokens=[backbone.model.config.image_token_id],  # tiny ones may write it
    )
    ids = made.sequences[0, tensors["input_ids"].shape[1] :]
    likely = torch.cat(made.logits).log_softmax(-1)
    return ids, likely.gather(1, ids[:, None])[:, 0]


@pytest.mark.parametrize("shown", [True, False])
def test_text_is_what_transformers_writes(
    family: str, backbone: GenerativeBackbone, shown: bool
) -> None:
    ids, likely = own_text(backbone, asked(family, backbone, shown))
    made = generate(backbone, picture() if shown else None, PROMPT, NEW)
    np.testing.assert_array_equal(made.ids, ids)
    np.testing.assert_allclose(made.log_probabilities, likely, atol=1e-6)
    assert made.text == backbone.tokenizer.decode(ids, skip_special_tokens=True)
    assert len(made.tokens) == len(ids)
    unchanged = generate(
        backbone,
        picture() if shown else None,
        PROMPT,
        NEW,
        {(HOOK, s): lambda x: x.clone() for s in ("image.patch", "text.token")},
    )
    np.testing.assert_array_equal(unchanged.ids, ids)
    np.testing.assert_array_equal(unchanged.log_probabilities, made.log_probabilities)


@pytest.mark.parametrize("shown", [True, False])
def test_log_probabilities_are_those_of_writing_the_same(
    backbone: GenerativeBackbone, shown: bool
) -> None:
    """With and without edits: one pass over all equals a pass a token on top of a cache."""
    shown_picture = picture() if shown else None

    def push(x: torch.Tensor) -> torch.Tensor:
        return x + 2 * torch.linspace(-1, 1, x.shape[1])

    for streams in ((), ("text.token",), ("image.patch", "text.pooled"), ("image.pooled",)):
        edits = {(HOOK, stream): push for stream in streams}
        made = generate(backbone, shown_picture, PROMPT, NEW, edits)
        found = log_probabilities(backbone, shown_picture, PROMPT, made.ids.tolist(), edits)
        np.testing.assert_allclose(found, made.log_probabilities, atol=2e-4)
        assert not found.requires_grad
        if streams == ("text.token",):
            plain = log_probabilities(backbone, shown_picture, PROMPT, made.ids.tolist())
            assert (plain - found).abs().max() > 0.05


def test_log_probabilities_are_those_of_the_models_own_logits(
    family: str, backbone: GenerativeBackbone
) -> None:
    tensors = asked(family, backbone, True)
    ids = backbone.tokenizer("heart", add_special_tokens=False)["input_ids"]
    width = tensors["input_ids"].shape[1]
    whole = dict(tensors)
    whole["input_ids"] = torch.cat([tensors["input_ids"], torch.tensor([ids])], 1)
    for name, value in (("attention_mask", 1), ("token_type_ids", 1), ("mm_token_type_ids", 0)):
        if name in whole:
            more = torch.full((1, len(ids)), value, dtype=whole[name].dtype)
            whole[name] = torch.cat([whole[name], more], 1)
    with torch.no_grad():
        logits = backbone.whole(**whole).logits[0]
    expected = torch.stack(
        [logits[width - 1 + n].log_softmax(-1)[token] for n, token in enumerate(ids)]
    )
    found = log_probabilities(backbone, picture(), PROMPT, "heart")
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def by_hand(
    backbone: GenerativeBackbone, tensors: dict[str, torch.Tensor], masks: list[torch.Tensor]
) -> torch.Tensor:
    """Greedy tokens when a hook of transformers' own generation overwrites rows of each pass."""
    passes: list[int] = []

    def double(_module: Any, _arguments: Any, output: Any) -> Any:
        first = (output[0] if isinstance(output, tuple) else output).clone()
        mask = masks[0] if not passes else masks[1]
        first[0, mask] = 3 - first[0, mask]
        passes.append(first.shape[1])
        return (first, *output[1:]) if isinstance(output, tuple) else first

    handle = backbone.sites[HOOK].module.register_forward_hook(double, prepend=True)
    try:
        ids, _ = own_text(backbone, tensors)
    finally:
        handle.remove()
    assert passes[0] == tensors["input_ids"].shape[1]
    assert set(passes[1:]) <= {1}
    return ids


@pytest.mark.parametrize("streams", [("image.patch",), ("text.token",)])
def test_edits_are_those_of_a_hook_in_every_pass(
    family: str, backbone: GenerativeBackbone, streams: tuple[str, ...]
) -> None:
    tensors = asked(family, backbone, True)
    ids = tensors["input_ids"][0]
    image = ids == backbone.model.config.image_token_id
    if streams == ("image.patch",):
        places = image.nonzero()[:, 0]
        if family == "llava_next":
            places = places[:36]
        elif family in ("idefics3", "smolvlm"):
            places = places[-9:]
        prompt, token = torch.zeros_like(image), torch.tensor([False])
        prompt[places] = True
    else:
        # The prompt's own tokens are all after the picture, but for what marks its end.
        special = torch.tensor(backbone.tokenizer.all_special_ids)
        prompt, token = ~torch.isin(ids, special), torch.tensor([True])
        prompt[: int(image.nonzero()[-1, 0]) + 1] = False
        assert 6 < prompt.sum() < 14
    expected = by_hand(backbone, tensors, [prompt, token])
    edits = {(HOOK, stream): lambda x: 3 - x for stream in streams}
    made = generate(backbone, picture(), PROMPT, NEW, edits)
    np.testing.assert_array_equal(made.ids, expected)
    plain = generate(backbone, picture(), PROMPT, NEW)
    assert plain.log_probabilities[0] != made.log_probabilities[0]


def test_edits_of_the_tower_change_what_is_written(backbone: GenerativeBackbone) -> None:
    plain = generate(backbone, picture(), PROMPT, 2)
    calls: list[int] = []

    def scaled(x: torch.Tensor) -> torch.Tensor:
        calls.append(len(x))
        return 3 * x.flip(0)

    made = generate(backbone, picture(), PROMPT, 2, {("vision.blocks.1", "image.patch"): scaled})
    assert len(calls) == 1
    assert plain.log_probabilities[0] != made.log_probabilities[0]


def test_sampling_is_seeded_and_draws_from_the_models_distribution(
    loaded: Callable[[str], GenerativeBackbone],
) -> None:
    backbone = loaded("llava")
    state = torch.get_rng_state()
    first = [generate(backbone, picture(), PROMPT, 3, temperature=5.0, seed=s) for s in range(4)]
    again = [generate(backbone, picture(), PROMPT, 3, temperature=5.0, seed=s) for s in range(4)]
    assert torch.equal(state, torch.get_rng_state())
    assert [a.ids.tolist() for a in first] == [a.ids.tolist() for a in again]
    assert len({tuple(a.ids.tolist()) for a in first}) > 1
    for made in first:
        # At any temperature, what is told is the model's own probability.
        found = log_probabilities(backbone, picture(), PROMPT, made.ids.tolist())
        np.testing.assert_allclose(made.log_probabilities, found, atol=1e-4)


def test_gradients_reach_the_rows_of_a_hook_point(backbone: GenerativeBackbone) -> None:
    """Against a difference of two passes in double precision."""
    rows: list[torch.Tensor] = []

    def leaf(x: torch.Tensor) -> torch.Tensor:
        rows.append(x.detach().requires_grad_())
        return rows[-1]

    with in_double(backbone):
        for stream in ("image.patch", "text.token"):
            rows.clear()
            found = log_probabilities(
                backbone, picture(), PROMPT, "ea", {(HOOK, stream): leaf}, gradients=True
            )
            (gradient,) = torch.autograd.grad(found.sum(), rows[0])
            direction = torch.randn(rows[0].shape, dtype=torch.float64)

            def moved(step: float, direction: torch.Tensor = direction, stream: str = stream):
                edits = {(HOOK, stream): lambda x: x + step * direction}
                return log_probabilities(backbone, picture(), PROMPT, "ea", edits).sum()

            slope = (moved(1e-5) - moved(-1e-5)) / 2e-5
            torch.testing.assert_close((gradient * direction).sum(), slope, atol=1e-6, rtol=1e-5)
            assert gradient.abs().sum() > 0


def test_a_chat_template_makes_the_prompt_a_turn(tmp_path: Path) -> None:
    folder = vlm_models.save("llava", tmp_path / "chat")
    backbone = GenerativeBackbone("hf:chat", str(folder), "cpu")
    plain = backbone.prepare_prompt(picture(), "hm").tensors["input_ids"][0].tolist()
    backbone.processor.chat_template = TEMPLATE
    inputs = backbone.prepare_prompt(picture(), "hm")
    ids = inputs.tensors["input_ids"][0].tolist()
    image = backbone.model.config.image_token_id
    assert ids.count(image) == plain.count(image) == 36
    before, after = ids[: ids.index(image)], ids[len(ids) - ids[::-1].index(image) :]
    decode = backbone.tokenizer.decode
    assert decode(before, skip_special_tokens=True).strip() == "[user]"
    assert decode(after).strip() == "hm[model]"
    assert ids.count(backbone.tokenizer.bos_token_id) == 1
    (spans,) = inputs.spans
    assert [place for place, _ in spans] == [
        n for n, number in enumerate(ids) if number not in (image, backbone.tokenizer.bos_token_id)
    ]
    alone = backbone.prepare_prompt(None, "hm")
    assert decode(alone.tensors["input_ids"][0], skip_special_tokens=True) == "[user]hm[model]"
    # A template that writes the first token itself gets no second.
    backbone.processor.chat_template = "{{ bos_token }}" + TEMPLATE
    for shown in (picture(), None):
        ids = backbone.prepare_prompt(shown, "hm").tensors["input_ids"][0].tolist()
        assert ids.count(backbone.tokenizer.bos_token_id) == 1


def test_rows_of_a_prompt_are_read_at_any_hook_point(
    family: str, backbone: GenerativeBackbone
) -> None:
    tensors = asked(family, backbone, True)
    with torch.no_grad():
        states = backbone.whole(**tensors, output_hidden_states=True).hidden_states
    inputs = backbone.prepare_prompt(picture(), PROMPT)
    rows = backbone.run(inputs, {HOOK: ("image.patch", "text.token", "text.pooled")})[HOOK]
    np.testing.assert_allclose(rows["text.pooled"].x[0], states[2][0, -1], atol=1e-5)
    np.testing.assert_array_equal(rows["text.token"].x[-1], rows["text.pooled"].x[0])
    (grid,) = inputs.grids
    assert len(rows["image.patch"].x) == grid[0] * grid[1]


def test_what_cannot_be_asked_is_refused_in_a_sentence(
    loaded: Callable[[str], GenerativeBackbone],
) -> None:
    backbone = loaded("llava")
    with pytest.raises(MmfeatError, match="has <image>, which stands for a picture; leave it out"):
        generate(backbone, picture(), "what is <image>?")
    with pytest.raises(MmfeatError, match=r"cannot write 0 tokens after a prompt of \d+; choose"):
        generate(backbone, None, "a", 0)
    with pytest.raises(MmfeatError, match="temperature of -1 is not possible"):
        generate(backbone, None, "a", 2, temperature=-1)
    with pytest.raises(MmfeatError, match="no hook point 'joint'"):
        generate(backbone, None, "a", 2, {("joint", "text.pooled"): lambda x: x})
    with pytest.raises(MmfeatError, match="no token of the continuation; give a text"):
        log_probabilities(backbone, None, "a", "")
    image = backbone.model.config.image_token_id
    for wrong in (image, 10**6, -1):
        with pytest.raises(MmfeatError, match=f"{wrong} is no token of text"):
            log_probabilities(backbone, None, "a", [wrong])
    with pytest.raises(MmfeatError, match="makes 4002 tokens of the prompt, and takes 1 to 2047"):
        generate(backbone, None, "x" * 4000)
    with pytest.raises(MmfeatError, match="makes 0 tokens of the prompt"):
        generate(loaded("qwen2_vl"), None, "")
    with pytest.raises(MmfeatError, match="tokens, and hf:llava takes 2048; shorten one"):
        log_probabilities(backbone, None, "a", "x" * 2100)
