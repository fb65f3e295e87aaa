"""Read and change what the modules of a model put out, and stop when enough is known."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from threading import Lock
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import Module

from mmfeat.backbones.base import Edit, HookPoint, Reading, Site, Where
from mmfeat.errors import MmfeatError

_NUMBERING = Lock()  # torch numbers all hooks with one counter, which is not safe for threads


class _Enough(Exception):
    """The last output that is needed is there."""


def read(
    call: Callable[[], object],
    sites: Mapping[str, Site],
    wanted: Collection[str],
    edits: Mapping[str, Iterable[tuple[Where, Edit]]],
    *,
    whole: bool,
) -> Reading:
    """Run a model and keep the outputs of some of its hook points.

    Parameters
    ----------
    call : callable
        Runs the model.
    sites : mapping of str to Site
        By hook point, in the order of computation.
    wanted : collection of str
        Hook points whose output is kept, after it was changed.
    edits : mapping of str to iterable of (Where, Edit)
        By hook point, which rows are replaced by what; gone through once a forward pass.
    whole : bool
        Whether the result of the model is needed; if not, it stops after the last wanted output.

    Returns
    -------
    Reading
        The result (None where stopped), and outputs as [batch * sequence, d].
    """
    outputs: dict[str, Tensor] = {}
    last = "" if whole else [name for name in sites if name in wanted][-1]
    with _NUMBERING:
        handles = [
            sites[name].module.register_forward_hook(
                _hook(sites[name], name in wanted, edits.get(name, []), outputs, name == last),
                # Before hooks of the model's own, which may pass on what they were given.
                prepend=True,
            )
            for name in dict.fromkeys((*wanted, *edits))
        ]
    try:
        result = call()
    except _Enough:
        result = None
    finally:
        for handle in handles:
            handle.remove()
    return Reading(result, outputs)


def _hook(
    site: Site,
    kept: bool,
    edits: Iterable[tuple[Where, Edit]],
    outputs: dict[str, Tensor],
    last: bool,
) -> Callable[[Module, Any, Any], Any]:
    name, channels_last = site.point.name, site.channels_last

    def hook(_module: Module, _arguments: Any, output: Any) -> Any:
        first = output[0] if isinstance(output, tuple) else output
        flat = as_rows(first, channels_last)
        changed = flat
        for where, edit in edits:
            index = torch.from_numpy(where.index).to(flat.device)
            new = edit(changed[index])
            if new.shape != (len(index), flat.shape[1]):
                raise MmfeatError(
                    f"What replaces rows at {name} has shape {list(new.shape)}; it must have "
                    f"{[len(index), flat.shape[1]]}, that of the rows it was given."
                )
            changed = changed.index_copy(0, index, new.to(flat.dtype))
        if kept:
            outputs[name] = changed
        if last:
            raise _Enough
        if changed is flat:
            return None
        back = _as_output(changed, first, channels_last)
        return (back, *output[1:]) if isinstance(output, tuple) else back

    return hook


def as_rows(output: Tensor, channels_last: bool = False) -> Float[Tensor, "rows d"]:
    """Return an output as [batch * sequence, d]; a feature map [b, d, h, w] row by row."""
    if output.ndim == 4 and not channels_last:
        output = output.movedim(1, -1)
    return output.reshape(-1, output.shape[-1])


def _as_output(rows: Float[Tensor, "rows d"], like: Tensor, channels_last: bool) -> Tensor:
    if like.ndim == 4 and not channels_last:
        batch, d, high, wide = like.shape
        cells = rows.reshape(batch, high, wide, d).movedim(-1, 1)
        # Laid out in memory as it was: which kernels follow depends on it.
        return torch.empty_like(like).copy_(cells)
    return rows.reshape(like.shape)


def taken(output: Float[Tensor, "all d"], where: Where) -> Float[Tensor, "rows d"]:
    """Return the rows of a stream from an output."""
    return output[torch.from_numpy(where.index).to(output.device)]


def numpy(x: Float[Tensor, "rows d"]) -> Float[np.ndarray, "rows d"]:
    """Return rows as float32 in memory; bfloat16 and float16 are exact in it."""
    return x.float().cpu().numpy()


def pooled(count: int, sequence: int = 1, first: int = 0) -> Where:
    """Return where pooled rows are that stand at the same place in every input of a batch."""
    return pooled_at(np.arange(count) * sequence + first)


def pooled_at(index: np.ndarray) -> Where:
    """Return where pooled rows are, one an input in order."""
    count = len(index)
    return Where(index.astype(np.int64), np.arange(count), np.full(count, -1, np.int16))


def patches_at(count: int, sequence: int, first: int, patches: int) -> Where:
    """Return where patches are that follow each other in every input of a batch."""
    source = np.repeat(np.arange(count), patches)
    position = np.tile(np.arange(patches), count)
    return Where(source * sequence + first + position, source, position.astype(np.int16))


def sequence_first(where: Where, count: int, sequence: int) -> Where:
    """Return where the same rows are in an output that is [sequence, batch, d]."""
    return replace(where, index=where.index % sequence * count + where.index // sequence)


def block_sites(
    tower: str,
    blocks: Iterable[tuple[Module, Module | None, Module | None]],
    point: HookPoint,
) -> dict[str, Site]:
    """Return the sites of a tower of blocks.

    Parameters
    ----------
    tower : str
        What its hook points begin with.
    blocks : iterable of (block, attention or None, MLP or None)
        Modules that put out the residual stream, and what each part adds to it.
    point : HookPoint
        Streams, width and grid of all of them.
    """
    found = {}
    for number, (block, attention, mlp) in enumerate(blocks):
        for suffix, module in ((".attn", attention), (".mlp", mlp), ("", block)):
            if module is not None:
                name = f"{tower}.blocks.{number}{suffix}"
                found[name] = Site(module, tower, replace(point, name=name))
    return found


def tokens_at(spans: Iterable[Iterable[tuple[int, tuple[int, int]]]], sequence: int) -> Where:
    """Return where content tokens are, from the place and characters of each."""
    found = [(s, p, a, b) for s, own in enumerate(spans) for p, (a, b) in own]
    source, position, start, end = np.array(found, np.int64).reshape(-1, 4).T
    return Where(
        source * sequence + position,
        source,
        position.astype(np.int16),
        start.astype(np.int32),
        end.astype(np.int32),
    )
