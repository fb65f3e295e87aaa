from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mmfeat.backbones import hooks
from mmfeat.backbones.base import HookPoint, Site
from mmfeat.errors import MmfeatError


class Pair(nn.Module):
    """Puts out a tuple, as attention does."""

    def forward(self, x: Tensor) -> tuple[Tensor, str]:
        return x + 1, "weights"


class First(nn.Module):
    def forward(self, x: tuple[Tensor, str]) -> Tensor:
        assert x[1] == "weights"
        return x[0] * 10


def site(module: nn.Module, name: str, d: int, channels_last: bool = False) -> Site:
    return Site(module, "vision", HookPoint(name, ("image.patch",), d), channels_last)


@pytest.fixture
def chain() -> tuple[nn.Sequential, dict[str, Site]]:
    model = nn.Sequential(Pair(), First(), nn.ReLU())
    return model, {name: site(m, name, 4) for name, m in zip("abc", model, strict=True)}


X = torch.arange(24.0).reshape(2, 3, 4)


def test_outputs_are_rows_and_the_result_is_the_models_own(chain: Any) -> None:
    model, sites = chain
    reading = hooks.read(lambda: model(X), sites, ["a", "c"], {}, whole=True)
    assert torch.equal(reading.outputs["a"], (X + 1).reshape(6, 4))
    assert torch.equal(reading.outputs["c"], (X * 10 + 10).reshape(6, 4))
    assert torch.equal(reading.result, model(X))


def test_it_stops_after_the_last_output_and_leaves_no_hook_behind(chain: Any) -> None:
    model, sites = chain
    calls: list[str] = []
    model[2].register_forward_hook(lambda *_: calls.append("c"))
    reading = hooks.read(lambda: model(X), sites, ["b", "a"], {}, whole=False)
    assert set(reading.outputs) == {"a", "b"} and reading.result is None and calls == []
    model(X)
    assert calls == ["c"]
    assert [len(module._forward_hooks) for module in model] == [0, 0, 1]


def test_an_edit_changes_its_rows_and_what_follows_and_nothing_else(chain: Any) -> None:
    model, sites = chain
    where = hooks.patches_at(2, 3, 1, 2)
    reading = hooks.read(
        lambda: model(X), sites, ["a", "b"], {"a": [(where, lambda x: x * 0 - 1)]}, whole=True
    )
    changed = X + 1
    changed[:, 1:] = -1
    assert torch.equal(reading.outputs["a"], changed.reshape(6, 4))
    assert torch.equal(reading.outputs["b"], changed.reshape(6, 4) * 10)
    assert torch.equal(reading.result, (changed * 10).relu())


def test_several_edits_at_one_hook_point_follow_each_other(chain: Any) -> None:
    model, sites = chain
    edits = [
        (hooks.pooled(2, 3), lambda x: x * 0),
        (hooks.patches_at(2, 3, 0, 3), lambda x: x + 5),
    ]
    reading = hooks.read(lambda: model(X), sites, ["a"], {"a": edits}, whole=False)
    changed = X + 1
    changed[:, 0] = 0
    assert torch.equal(reading.outputs["a"], (changed + 5).reshape(6, 4))


def test_an_edit_of_another_shape_is_refused_and_hooks_are_taken_off(chain: Any) -> None:
    model, sites = chain
    edits = {"a": [(hooks.pooled(2, 3), lambda x: x[:, :2])]}
    with pytest.raises(MmfeatError, match=r"at a has shape \[2, 2\]; it must have \[2, 4\]"):
        hooks.read(lambda: model(X), sites, ["a"], edits, whole=True)
    assert all(not module._forward_hooks for module in model)


@pytest.mark.parametrize("channels_last", [False, True])
def test_cells_of_a_feature_map_are_rows_in_both_layouts(channels_last: bool) -> None:
    module = nn.Identity()
    x = torch.randn(2, 3, 4, 5)
    d = 5 if channels_last else 3
    grid = (3, 4) if channels_last else (4, 5)
    cells = grid[0] * grid[1]
    where = hooks.patches_at(2, cells, 0, cells)

    def edit(rows: Tensor) -> Tensor:
        return rows.cumsum(0)

    reading = hooks.read(
        lambda: module(x),
        {"m": site(module, "m", d, channels_last)},
        ["m"],
        {"m": [(where, edit)]},
        whole=True,
    )
    running, wanted = torch.zeros(d), x.clone()
    for b in range(2):
        for r in range(grid[0]):
            for c in range(grid[1]):
                cell = (b, r, c) if channels_last else (b, slice(None), r, c)
                running = running + x[cell]
                wanted[cell] = running
    assert isinstance(reading.result, Tensor)
    torch.testing.assert_close(reading.result, wanted)


def test_rows_of_an_output_with_the_sequence_first() -> None:
    batch_first = torch.randn(3, 5, 2)
    where = hooks.patches_at(3, 5, 1, 4)
    turned = hooks.sequence_first(where, 3, 5)
    direct = hooks.taken(batch_first.reshape(-1, 2), where)
    assert torch.equal(hooks.taken(batch_first.transpose(0, 1).reshape(-1, 2), turned), direct)
    assert turned.source.tolist() == where.source.tolist()


def test_tokens_are_found_by_their_places() -> None:
    where = hooks.tokens_at([[(1, (0, 2)), (3, (3, 4))], [], [(2, (1, 5))]], 6)
    assert where.index.tolist() == [1, 3, 14]
    assert where.source.tolist() == [0, 0, 2]
    assert where.position.tolist() == [1, 3, 2]
    assert where.start is not None and where.end is not None
    assert (where.start.tolist(), where.end.tolist()) == ([0, 3, 1], [2, 4, 5])
    assert hooks.tokens_at([[], []], 6).index.shape == (0,)


def test_sites_of_blocks_come_in_the_order_of_computation() -> None:
    blocks = [(nn.Identity(), nn.Identity(), None), (nn.Identity(), None, nn.Identity())]
    sites = hooks.block_sites("text", blocks, HookPoint("", ("text.token",), 7))
    assert list(sites) == [
        "text.blocks.0.attn",
        "text.blocks.0",
        "text.blocks.1.mlp",
        "text.blocks.1",
    ]
    assert all(s.tower == "text" and s.point.name == n and s.point.d == 7 for n, s in sites.items())
    assert sites["text.blocks.1.mlp"].module is blocks[1][2]


def test_rows_an_input_has() -> None:
    point = HookPoint("joint", ("image.pooled", "image.patch", "text.token"), 3, (2, 5))
    assert [point.rows(stream) for stream in point.streams] == [1, 10, None]
    assert HookPoint("joint", ("image.patch",), 3).rows("image.patch") is None


def test_half_precision_is_widened_exactly() -> None:
    x = torch.randn(4, 3).to(torch.bfloat16)
    assert hooks.numpy(x).dtype == np.float32
    assert torch.equal(torch.from_numpy(hooks.numpy(x)).to(torch.bfloat16), x)
