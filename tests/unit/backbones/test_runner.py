from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from mmfeat.backbones.base import Backbone, Inputs
from mmfeat.backbones.open_clip import OpenClipBackbone
from mmfeat.backbones.registry import load_backbone
from mmfeat.backbones.runner import Runner
from tests.unit.backbones.clip_models import TEXTS, pictures, save_family

WAIT = 20  # seconds after which what should be there at once is not


def load(folder: Path, family: str) -> OpenClipBackbone:
    loaded = load_backbone(save_family(folder / family, family), "cpu")
    assert isinstance(loaded, OpenClipBackbone)
    return loaded


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> OpenClipBackbone:
    return load(tmp_path_factory.mktemp("models"), "clip")


@pytest.fixture(autouse=True)
def cores() -> Iterator[None]:
    """Two threads of torch, whatever the machine has."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def here(_backbone: Backbone, batch: int) -> tuple[int, str, int]:
    return batch, threading.current_thread().name, torch.get_num_threads()


def running() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("run")]


# -- twins


@pytest.mark.parametrize("family", ["clip", "custom", "coca", "resnet", "timm-convnext", "siglip"])
def test_a_twin_gives_the_same_bits_with_the_same_weights_in_modules_of_its_own(
    family: str, tmp_path: Path
) -> None:
    backbone = load(tmp_path, family)
    twin = backbone.twin()
    assert twin is not None
    streams = {point.name: point.streams for point in backbone.hook_points}
    for inputs in (backbone.prepare_images(pictures()), backbone.prepare_texts(TEXTS)):
        own, other = backbone.run(inputs, streams), twin.run(inputs, streams)
        assert own.keys() == other.keys() and own
        for hook, rows in own.items():
            for stream in rows:
                np.testing.assert_array_equal(other[hook][stream].x, rows[stream].x)
    tensors = [x.data_ptr() for x in (*backbone.model.parameters(), *backbone.model.buffers())]
    others = [x.data_ptr() for x in (*twin.model.parameters(), *twin.model.buffers())]
    assert tensors == others
    assert not set(backbone.model.modules()) & set(twin.model.modules())
    assert {site.module for site in twin.sites.values()} <= set(twin.model.modules())


def test_a_tower_of_transformers_has_no_twin(tmp_path: Path) -> None:
    assert load(tmp_path, "bert").twin() is None


def test_what_is_read_changed_and_trimmed_in_one_thread_is_not_in_another(
    clip: OpenClipBackbone,
) -> None:
    """Both are held within the first block until the other is there, with other widths."""
    pair = [clip, clip.twin()]
    texts = [clip.prepare_texts(["sad"]), clip.prepare_texts(["a man with a white cane " * 2])]
    assert texts[0].tensors["text"].shape[1] < texts[1].tensors["text"].shape[1]
    wanted = [{"joint": ("text.pooled", "text.token")}, {"text.blocks.0": ("text.token",)}]
    edits = [None, {("text.blocks.0.mlp", "text.token"): lambda x: x * 0 + 3}]
    both = threading.Barrier(2)
    places = clip.model.positional_embedding

    def run(number: int) -> dict[str, dict[str, np.ndarray]]:
        found = pair[number].run(texts[number], wanted[number], edits[number])
        return {hook: {s: rows.x for s, rows in own.items()} for hook, own in found.items()}

    def hold(*_: object) -> None:
        both.wait(WAIT)

    alone = [run(0), run(1)]
    handles = [
        backbone.sites["text.blocks.0.attn"].module.register_forward_hook(hold) for backbone in pair
    ]
    try:
        with ThreadPoolExecutor(2) as pool:
            together = list(pool.map(run, range(2)))
    finally:
        for handle in handles:
            handle.remove()
    for found, expected in zip(together, alone, strict=True):
        assert found.keys() == expected.keys()
        for hook, own in expected.items():
            for stream, x in own.items():
                np.testing.assert_array_equal(found[hook][stream], x)
    assert clip.model.positional_embedding is places
    modules = [module for backbone in pair for module in backbone.model.modules()]
    assert not any(module._forward_hooks for module in modules)


# -- the runner


def test_texts_run_side_by_side_with_one_thread_of_torch_each_and_come_in_order(
    clip: OpenClipBackbone,
) -> None:
    both = threading.Barrier(2)

    def together(backbone: Backbone, batch: int) -> tuple[int, str, int]:
        both.wait(WAIT)  # breaks where there is only one at a time
        return here(backbone, batch)

    with Runner(clip) as runner:
        found = list(runner.side_by_side(together, range(20)))
        assert torch.get_num_threads() == 2
    assert [batch for batch, _, _ in found] == list(range(20))
    assert len({name for _, name, _ in found}) == 2
    assert {threads for _, _, threads in found} == {1}


def test_each_thread_has_a_twin_of_its_own(clip: OpenClipBackbone) -> None:
    both = threading.Barrier(2)

    def which(backbone: Backbone, _batch: int) -> Backbone:
        both.wait(WAIT)
        return backbone

    with Runner(clip) as runner:
        found = list(runner.side_by_side(which, range(8)))
    assert clip not in found and len(set(found)) == 2
    assert all(first is not second for first, second in zip(found[::2], found[1::2], strict=True))


def test_others_run_in_turn_on_all_cores(clip: OpenClipBackbone, tmp_path: Path) -> None:
    here_in_turn = [(batch, threading.current_thread().name, 2) for batch in range(4)]
    with Runner(clip) as runner:
        assert list(runner.in_turn(here, range(4))) == here_in_turn
        assert list(runner.side_by_side(here, range(1))) == here_in_turn[:1]  # of two cores
        assert running() == []
    with Runner(load(tmp_path, "bert")) as runner:
        assert list(runner.side_by_side(here, range(4))) == here_in_turn
    torch.set_num_threads(1)
    with Runner(clip) as runner:
        found = list(runner.side_by_side(here, range(4)))
    assert found == [(batch, name, 1) for batch, name, _ in here_in_turn]


def test_the_end_leaves_no_thread_and_threads_to_come_as_they_were(clip: OpenClipBackbone) -> None:
    def later(_backbone: Backbone, batch: int) -> int:
        if batch == 3:
            raise ValueError("the fourth")
        return batch

    with pytest.raises(ValueError, match="the fourth"), Runner(clip) as runner:
        for batch in runner.side_by_side(later, range(100)):
            assert batch < 3 and running()
    assert running() == []
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(torch.get_num_threads).result() == 2


def test_neither_threads_nor_their_number_change_a_bit(clip: OpenClipBackbone) -> None:
    words = ["red", "a heart", "sad man with a cane", "one two three four five six seven"]
    batches = [clip.prepare_texts([word, *words[:i]]) for i, word in enumerate(words)] * 3

    def pooled(backbone: Backbone, inputs: Inputs) -> np.ndarray:
        return backbone.run(inputs, {"joint": ("text.pooled",)})["joint"]["text.pooled"].x

    found = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        with Runner(clip) as runner:
            found.append([x.tobytes() for x in runner.side_by_side(pooled, batches)])
    assert found[0] == found[1] == found[2]
    direct: Tensor = clip.embed(batches[-1])
    assert found[0][-1] == direct.numpy().tobytes()
