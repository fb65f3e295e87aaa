from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from PIL import Image

from mmfeat.backbones.base import STREAMS
from mmfeat.backbones.generative import GenerativeBackbone, handles
from mmfeat.backbones.hf_loading import read_config
from mmfeat.errors import MmfeatError
from tests.unit.backbones import vlm_models
from tests.unit.backbones.vlm_inputs import LAST, TEXTS, pictures, shown, whole_model

# Grids of image tokens and of the tower's patches for 40 x 32 and 24 x 72 (rows x columns) pixels.
GRIDS = {
    "llava": ([(6, 6), (6, 6)], [(6, 6), (6, 6)]),
    "llava_next": ([(6, 6), (6, 6)], [(6, 6), (6, 6)]),
    "qwen2_vl": ([(5, 4), (3, 9)], [(10, 8), (6, 18)]),
    "qwen2_5_vl": ([(5, 4), (3, 9)], [(10, 8), (6, 18)]),
    "paligemma": ([(6, 6), (6, 6)], [(6, 6), (6, 6)]),
    "paligemma2": ([(6, 6), (6, 6)], [(6, 6), (6, 6)]),
    "idefics3": ([(3, 3), (3, 3)], [(6, 6), (6, 6)]),
    "smolvlm": ([(3, 3), (3, 3)], [(6, 6), (6, 6)]),
}


@pytest.fixture(params=list(vlm_models.FAMILIES))
def family(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def backbone(family: str, loaded_vlm: Callable[[str], GenerativeBackbone]) -> GenerativeBackbone:
    return loaded_vlm(family)


def image_places(family: str, model: Any, ids: torch.Tensor) -> list[int]:
    """Where the tokens of the whole picture are, from what each family writes about itself."""
    places = (ids[0] == model.config.image_token_id).nonzero()[:, 0].tolist()
    if family == "llava_next":
        return places[:36]
    return places[-9:] if family in ("idefics3", "smolvlm") else places


def sequential(rows: Any, source: int) -> np.ndarray:
    return rows.x[rows.source == source]


def test_handles_the_families_it_knows(vlm_folders: Callable[[str], Path], family: str) -> None:
    config = read_config("hf:x", str(vlm_folders(family)))
    assert handles(config)
    assert not handles({"model_type": "clip"})
    assert not handles({})


def test_image_rows_equal_the_hidden_states_of_the_whole_model(
    family: str, backbone: GenerativeBackbone, vlm_folders: Callable[[str], Path]
) -> None:
    model, processor = whole_model(vlm_folders(family))
    for picture in pictures():
        tensors = shown(family, processor, picture)
        with torch.no_grad():
            states = model(**tensors, output_hidden_states=True).hidden_states
        rows = backbone.run(
            backbone.prepare_images([picture]),
            {f"lm.layers.{n}": ("image.patch", "image.pooled") for n in (0, 1)},
        )
        places = image_places(family, model, tensors["input_ids"])
        last = (tensors["input_ids"][0] == model.config.image_token_id).nonzero()[-1, 0]
        for n in (0, 1):
            found = rows[f"lm.layers.{n}"]
            # The first hidden state is what enters the first layer.
            np.testing.assert_array_equal(found["image.patch"].x, states[n + 1][0, places])
            np.testing.assert_array_equal(found["image.pooled"].x[0], states[n + 1][0, last])
            np.testing.assert_array_equal(found["image.patch"].position, np.arange(len(places)))
            np.testing.assert_array_equal(found["image.pooled"].position, [-1])


def test_text_rows_equal_the_hidden_states_of_the_whole_model(
    family: str, backbone: GenerativeBackbone, vlm_folders: Callable[[str], Path]
) -> None:
    model, _ = whole_model(vlm_folders(family))
    tokenizer = transformers.AutoTokenizer.from_pretrained(vlm_folders(family))
    for text in TEXTS:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        start = [] if family.startswith("qwen") else [tokenizer.bos_token_id]
        tensors = {"input_ids": torch.tensor([start + ids])}
        if family.startswith("paligemma"):
            tensors["token_type_ids"] = torch.zeros_like(tensors["input_ids"])
        with torch.no_grad():
            states = model(**tensors, output_hidden_states=True).hidden_states
        rows = backbone.run(
            backbone.prepare_texts([text]), {"lm.layers.1": ("text.token", "text.pooled")}
        )["lm.layers.1"]
        np.testing.assert_array_equal(rows["text.token"].x, states[2][0, len(start) :])
        np.testing.assert_array_equal(rows["text.pooled"].x[0], states[2][0, -1])
        np.testing.assert_array_equal(rows["text.token"].position, np.arange(len(ids)) + len(start))


def test_rows_of_every_hook_point_equal_a_forward_hook(
    family: str, backbone: GenerativeBackbone
) -> None:
    inputs = backbone.prepare_images(pictures())
    for name, streams in ((LAST, ("image.patch",)), ("vision.blocks.2", ("image.patch",))):
        found: list[torch.Tensor] = []
        handle = backbone.sites[name].module.register_forward_hook(
            lambda _m, _i, output, found=found: found.append(output)
        )
        with torch.no_grad():
            backbone.model(**inputs.tensors, use_cache=False)
        handle.remove()
        rows = backbone.run(inputs, {name: streams})[name]["image.patch"]
        flat = {tuple(row) for row in found[0].reshape(-1, found[0].shape[-1]).tolist()}
        assert {tuple(row) for row in rows.x.tolist()} <= flat
        assert len(rows.x) == sum(r * c for r, c in backbone.grids(name, inputs))


def test_a_layer_adds_what_its_parts_put_out(backbone: GenerativeBackbone) -> None:
    images, texts = backbone.prepare_images(pictures()), backbone.prepare_texts(TEXTS)
    for inputs, stem, stream in (
        (images, "vision.blocks", "image.patch"),
        (images, "lm.layers", "image.patch"),
        (texts, "lm.layers", "text.token"),
    ):
        names = [f"{stem}.0", f"{stem}.1", f"{stem}.1.attn", f"{stem}.1.mlp"]
        rows = backbone.run(inputs, {name: (stream,) for name in names})
        before, after, attention, mlp = (rows[name][stream].x for name in names)
        np.testing.assert_allclose(after, before + attention + mlp, atol=2e-4, rtol=1e-4)
        assert {backbone.point(name).d for name in names} == {before.shape[1]}


def test_grids_are_those_of_each_picture(family: str, backbone: GenerativeBackbone) -> None:
    inputs = backbone.prepare_images(pictures())
    tokens, patches = GRIDS[family]
    assert inputs.grids == tokens
    assert list(backbone.grids("lm.layers.1", inputs)) == tokens
    assert list(backbone.grids("vision.blocks.1.mlp", inputs)) == patches
    fixed = not family.startswith("qwen")
    assert backbone.point("lm.layers.1").grid == (tokens[0] if fixed else None)
    assert backbone.point("vision.blocks.1").grid == (patches[0] if fixed else None)
    rows = backbone.run(
        inputs, {"lm.layers.1": ("image.patch",), "vision.blocks.1": ("image.patch",)}
    )
    for hook, grids in (("lm.layers.1", tokens), ("vision.blocks.1", patches)):
        found = rows[hook]["image.patch"]
        counts = [r * c for r, c in grids]
        np.testing.assert_array_equal(found.source, np.repeat([0, 1], counts))
        np.testing.assert_array_equal(
            found.position, np.concatenate([np.arange(count) for count in counts])
        )


def without_attention(backbone: GenerativeBackbone) -> GenerativeBackbone:
    """Each row then depends on its own piece of the picture alone."""
    names = ("self_attn.o_proj", "self_attn.out_proj", "attn.proj")
    with torch.no_grad():
        for name, module in backbone.model.named_modules():
            if name.endswith(names):
                for parameter in module.parameters():
                    parameter.zero_()
    return backbone


def test_a_changed_region_changes_the_row_of_its_place(
    family: str, vlm_folders: Callable[[str], Path]
) -> None:
    backbone = without_attention(
        GenerativeBackbone(f"hf:{family}", str(vlm_folders(family)), "cpu")
    )
    # Sizes that no processor scales for its tower, or (where there are tiles) only by half.
    sizes = {"qwen2_vl": (40, 72), "qwen2_5_vl": (40, 72), "llava": (24, 24)}
    sizes |= {"paligemma": (24, 24), "paligemma2": (24, 24)}
    high, wide = sizes.get(family, (48, 48))
    base = np.full((high, wide, 3), 90, np.uint8)
    for hook in ("vision.blocks.2", LAST):
        rows, columns = backbone.grids(hook, backbone.prepare_images([Image.fromarray(base)]))[0]
        tall, broad = high // rows, wide // columns
        changed = []
        places = np.unique(np.linspace(0, rows * columns - 1, 17).astype(int))
        for place in places:
            painted = base.copy()
            r, c = divmod(int(place), columns)
            painted[r * tall : (r + 1) * tall, c * broad : (c + 1) * broad] = (250, 10, 130)
            changed.append(Image.fromarray(painted))
        everything = backbone.prepare_images([Image.fromarray(base), *changed])
        found = backbone.run(everything, {hook: ("image.patch",)})[hook]["image.patch"].x
        found = found.reshape(len(changed) + 1, rows * columns, -1)
        difference = np.abs(found[1:] - found[0]).max(axis=2)
        np.testing.assert_array_equal(difference.argmax(axis=1), places)
        if family in sizes:
            own = np.arange(rows * columns) == places[:, None]
            assert difference[~own].max() < 1e-4 < difference[own].min()


def test_a_batch_gives_the_rows_of_each_alone(backbone: GenerativeBackbone) -> None:
    wanted = {hook: STREAMS for hook in ("lm.layers.0", LAST)}
    wanted["vision.blocks.2"] = ("image.patch",)
    for prepare, members in (
        (backbone.prepare_images, pictures()),
        (backbone.prepare_texts, TEXTS),
    ):
        together = backbone.run(prepare(members), wanted)
        for number, member in enumerate(members):
            alone = backbone.run(prepare([member]), wanted)
            assert alone.keys() == together.keys()
            for hook, streams in alone.items():
                for stream, rows in streams.items():
                    both = together[hook][stream]
                    own = both.source == number
                    np.testing.assert_allclose(both.x[own], rows.x, atol=2e-4, rtol=1e-3)
                    np.testing.assert_array_equal(both.position[own], rows.position)
                    if rows.start is not None:
                        np.testing.assert_array_equal(both.start[own], rows.start)
                        np.testing.assert_array_equal(both.end[own], rows.end)


def test_tokens_stand_for_the_characters_they_were_made_of(backbone: GenerativeBackbone) -> None:
    inputs = backbone.prepare_texts(TEXTS)
    rows = backbone.run(inputs, {LAST: ("text.token", "text.pooled")})[LAST]
    tokens = rows["text.token"]
    for number, text in enumerate(TEXTS):
        own = tokens.source == number
        spans = list(zip(tokens.start[own], tokens.end[own], strict=True))
        pieces = [text[a:b] for a, b in spans]
        assert "ea" in pieces or "ea" not in text
        # No space is shown, unless a token is nothing else.
        assert all(piece == piece.strip() or not piece.strip() for piece in pieces)
        covered = {c for a, b in spans for c in range(a, b)}
        assert covered >= {n for n, character in enumerate(text) if character != " "}
        np.testing.assert_array_equal(rows["text.pooled"].x[number], tokens.x[own][-1])


def test_what_looks_like_a_special_token_in_a_caption_is_text(
    backbone: GenerativeBackbone,
) -> None:
    caption = "<image> of <s> <|image_pad|>"
    inputs = backbone.prepare_texts([caption])
    assert int((inputs.tensors["input_ids"] == backbone.model.config.image_token_id).sum()) == 0
    rows = backbone.run(inputs, {LAST: ("text.token",)})[LAST]["text.token"]
    assert len(rows.x) > 20


def test_a_caption_sees_what_comes_later_only_in_a_prefix_model(
    family: str, backbone: GenerativeBackbone
) -> None:
    one, other = (
        backbone.run(backbone.prepare_texts([text]), {LAST: ("text.token",)})[LAST]["text.token"].x
        for text in ("a red heart", "a red hearz")
    )
    assert np.allclose(one[0], other[0], atol=1e-5) is not family.startswith("paligemma")
    assert not np.allclose(one[-1], other[-1], atol=1e-3)


def overwritten(
    backbone: GenerativeBackbone, hook: str, mask: torch.Tensor, inputs: Any, later: str
) -> torch.Tensor:
    """Output of a later block when a hook doubles some rows of an earlier one."""
    found: list[torch.Tensor] = []

    def double(_module: Any, _arguments: Any, output: Any) -> Any:
        first = output[0] if isinstance(output, tuple) else output
        new = first.reshape(-1, first.shape[-1]).clone()
        new[mask] *= 2
        new = new.reshape(first.shape)
        return (new, *output[1:]) if isinstance(output, tuple) else new

    handles = [
        backbone.sites[hook].module.register_forward_hook(double, prepend=True),
        backbone.sites[later].module.register_forward_hook(
            lambda _m, _a, output: found.append(output)
        ),
    ]
    with torch.no_grad():
        backbone.model(**inputs.tensors, use_cache=False)
    for handle in handles:
        handle.remove()
    return found[0].reshape(-1, found[0].shape[-1])


@pytest.mark.parametrize("hook", ["lm.layers.0", "lm.layers.0.attn", "lm.layers.1.mlp"])
def test_edits_equal_a_hook_that_overwrites(
    family: str, backbone: GenerativeBackbone, hook: str
) -> None:
    inputs = backbone.prepare_images(pictures())
    shown = inputs.tensors["input_ids"] == backbone.model.config.image_token_id
    mask = torch.zeros_like(shown)
    for row in range(2):
        places = image_places(family, backbone.model, inputs.tensors["input_ids"][row : row + 1])
        mask[row, places] = True
    expected = overwritten(backbone, hook, mask.flatten(), inputs, LAST)[mask.flatten()]
    wanted = {LAST: ("image.patch",)}
    plain = backbone.run(inputs, wanted)[LAST]["image.patch"].x
    edited = backbone.run(inputs, wanted, {(hook, "image.patch"): lambda x: x * 2})
    np.testing.assert_array_equal(edited[LAST]["image.patch"].x, expected)
    assert not np.allclose(plain, expected, atol=1e-2)


def test_edits_of_the_tower_reach_the_language_model(
    family: str, backbone: GenerativeBackbone
) -> None:
    inputs = backbone.prepare_images(pictures())
    wanted = {"lm.layers.0": ("image.patch",)}
    # Hidden states are collected by hooks that the first run leaves on the blocks.
    plain = backbone.run(inputs, wanted)["lm.layers.0"]["image.patch"].x
    index = torch.from_numpy(backbone._where("vision", "image.patch", inputs).index)
    places = torch.from_numpy(backbone._where("lm", "image.patch", inputs).index)
    for _ in range(2):
        expected = overwritten(backbone, "vision.blocks.1", index, inputs, "lm.layers.0")[places]
        edit = {("vision.blocks.1", "image.patch"): lambda x: x * 2}
        edited = backbone.run(inputs, wanted, edit)["lm.layers.0"]["image.patch"].x
        np.testing.assert_array_equal(edited, expected)
    assert not np.allclose(plain, edited, atol=1e-2)


def test_an_edit_of_pooled_text_changes_one_row(backbone: GenerativeBackbone) -> None:
    inputs = backbone.prepare_texts(TEXTS)
    wanted = {"lm.layers.0": ("text.token",)}
    plain = backbone.run(inputs, wanted)["lm.layers.0"]["text.token"]
    edits = {("lm.layers.0", "text.pooled"): lambda x: torch.zeros_like(x)}
    edited = backbone.run(inputs, wanted, edits)["lm.layers.0"]["text.token"]
    ends = [np.flatnonzero(plain.source == n)[-1] for n in range(len(TEXTS))]
    assert (edited.x[ends] == 0).all()
    others = np.setdiff1d(np.arange(len(plain.x)), ends)
    np.testing.assert_array_equal(edited.x[others], plain.x[others])


@pytest.fixture
def ran(backbone: GenerativeBackbone) -> Iterator[list[str]]:
    """Names of the blocks that run."""
    names: list[str] = []
    handles = [
        site.module.register_forward_hook(lambda _m, _i, _o, name=name: names.append(name))
        for name, site in backbone.sites.items()
        if name.count(".") == 2
    ]
    yield names
    for handle in handles:
        handle.remove()


def test_nothing_is_computed_past_what_is_wanted(
    backbone: GenerativeBackbone, ran: list[str]
) -> None:
    images, texts = backbone.prepare_images(pictures()), backbone.prepare_texts(TEXTS)
    tower = [f"vision.blocks.{n}" for n in range(3)]
    backbone.run(images, {"vision.blocks.1": ("image.patch",)})
    assert set(ran) <= set(tower[:2])
    ran.clear()
    backbone.run(images, {"lm.layers.0": ("image.patch",)})
    assert set(ran) <= {*tower, "lm.layers.0"}
    ran.clear()
    backbone.run(texts, {"lm.layers.1": ("text.token",), "vision.blocks.0": ("image.patch",)})
    assert set(ran) <= {"lm.layers.0", "lm.layers.1"}
    ran.clear()
    assert backbone.run(texts, {"lm.layers.1": ("image.patch",)}) == {}
    assert ran == []


def test_hook_points_and_sizes(backbone: GenerativeBackbone) -> None:
    names = [point.name for point in backbone.hook_points]
    assert names[:4] == [
        "vision.blocks.0.attn",
        "vision.blocks.0.mlp",
        "vision.blocks.0",
        "vision.blocks.1.attn",
    ]
    assert names[-1] == LAST
    assert len(names) == 18
    assert backbone.point(LAST).streams == STREAMS
    assert (backbone.point(LAST).d, backbone.point("vision.blocks.0").d) == (32, 24)
    info = backbone.info()
    assert info["parameters"] == sum(p.numel() for p in backbone.model.parameters())
    assert "lm_head" not in dict(backbone.model.named_modules())
    assert json.dumps(info)


def test_bad_requests_are_refused_in_a_sentence(backbone: GenerativeBackbone) -> None:
    texts = backbone.prepare_texts(TEXTS)
    with pytest.raises(MmfeatError, match="no hook point 'joint'"):
        backbone.run(texts, {"joint": ("text.pooled",)})
    with pytest.raises(MmfeatError, match="no text.token at vision.blocks.0; it has image.patch"):
        backbone.run(texts, {"vision.blocks.0": ("text.token",)})
    with pytest.raises(MmfeatError, match="no joint space"):
        backbone.project(LAST, "text.token", torch.zeros(1, 32))


@pytest.mark.parametrize("family", ["llava_next", "qwen2_5_vl", "paligemma2", "idefics3"])
def test_half_precision_is_kept(tmp_path: Path, family: str) -> None:
    vlm_models.save(family, tmp_path / "half", torch.bfloat16)
    backbone = GenerativeBackbone("hf:half", str(tmp_path / "half"), "cpu")
    assert {p.dtype for p in backbone.model.parameters()} == {torch.bfloat16}
    rows = backbone.run(backbone.prepare_images(pictures()), {LAST: ("image.patch",)})
    x = rows[LAST]["image.patch"].x
    assert x.dtype == np.float32
    assert np.isfinite(x).all()
    np.testing.assert_array_equal(torch.from_numpy(x).bfloat16().float(), x)
