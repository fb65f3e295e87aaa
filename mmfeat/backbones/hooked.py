"""A backbone whose hook points are modules of a torch model."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from mmfeat.backbones import hooks
from mmfeat.backbones.base import (
    JOINT,
    STREAMS,
    Backbone,
    Edit,
    Edits,
    HookPoint,
    Inputs,
    Rows,
    Site,
    Where,
)
from mmfeat.errors import MmfeatError


class HookedBackbone(Backbone):
    """What the adapters share; each says where its rows are and how it is run.

    Attributes
    ----------
    sites : dict of str to Site
        By hook point, in the order of computation within each tower.
    joint : HookPoint or None
        The shared space, where the model has one.
    last : dict of str to str
        By stream that is not pooled, the hook point whose rows `project` takes to the joint space.
    """

    sites: Mapping[str, Site]
    joint: HookPoint | None = None
    last: Mapping[str, str]

    @property
    def hook_points(self) -> tuple[HookPoint, ...]:
        """The hook points, ``joint`` first, then in the order of computation."""
        joint = () if self.joint is None else (self.joint,)
        return (*joint, *(site.point for site in self.sites.values()))

    @abstractmethod
    def _call(self, inputs: Inputs) -> Float[Tensor, "batch d"] | None:
        """Run the model on a batch; return the pooled rows of the joint space if it has one."""

    @abstractmethod
    def _where(self, tower: str, stream: str, inputs: Inputs) -> Where:
        """Return where the rows of a stream are in the outputs of a tower's modules."""

    @torch.inference_mode()
    def run(
        self,
        inputs: Inputs,
        wanted: Mapping[str, Collection[str]],
        edits: Edits | None = None,
    ) -> dict[str, dict[str, Rows]]:
        """Run a batch once and return the rows asked for."""
        edits = edits or {}
        for hook, stream in [(h, s) for h, streams in wanted.items() for s in streams]:
            self._check(hook, stream)
        chosen = {
            hook: [stream for stream in inputs.streams if stream in streams]
            for hook, streams in wanted.items()
        }
        joint = chosen.pop(JOINT, [])
        reads = {hook for hook, streams in chosen.items() if streams}
        reads |= {self.last[stream] for stream in joint if stream in self.last}
        changes = self._changes(inputs, edits)
        if not reads and not joint:
            return {}
        reading = hooks.read(
            lambda: self._call(inputs), self.sites, reads, changes, whole=bool(joint)
        )
        found: dict[str, dict[str, Rows]] = {}
        for hook, streams in chosen.items():
            for stream in streams:
                where = self._where(self.sites[hook].tower, stream, inputs)
                x = hooks.taken(reading.outputs[hook], where)
                found.setdefault(hook, {})[stream] = where.rows(hooks.numpy(x))
        for stream in joint:
            if stream in self.last:
                last = self.last[stream]
                where = self._where(self.sites[last].tower, stream, inputs)
                x = self.project(last, stream, hooks.taken(reading.outputs[last], where))
            else:
                where = hooks.pooled(inputs.count)
                assert isinstance(reading.result, Tensor)
                x = reading.result
            if (JOINT, stream) in edits:
                x = edits[JOINT, stream](x)
            found.setdefault(JOINT, {})[stream] = where.rows(hooks.numpy(x))
        return found

    def embed(
        self, inputs: Inputs, edits: Edits | None = None, *, gradients: bool = False
    ) -> Float[Tensor, "inputs d"]:
        """Return the pooled rows of the joint space as the model gives them.

        Parameters
        ----------
        inputs, edits
            As in `run`.
        gradients : bool
            Whether the rows can be differentiated by what the edits put in.

        Raises
        ------
        MmfeatError
            If the model has no joint space, or no such hook point or stream.
        """
        (stream,) = (s for s in inputs.streams if s.endswith(".pooled"))
        self._check(JOINT, stream)
        edits = edits or {}
        with torch.enable_grad() if gradients else torch.inference_mode():
            changes = self._changes(inputs, edits)
            pooled = hooks.read(
                lambda: self._call(inputs), self.sites, (), changes, whole=True
            ).result
            assert isinstance(pooled, Tensor)
            return edits[JOINT, stream](pooled) if (JOINT, stream) in edits else pooled

    def where(self, hook: str, stream: str, inputs: Inputs) -> Where:
        """Return which vectors that the module of a hook point puts out are rows of a stream.

        Raises
        ------
        MmfeatError
            If there is no such hook point or stream.
        """
        self._check(hook, stream)
        return self._where(self.sites[hook].tower, stream, inputs)

    def _changes(self, inputs: Inputs, edits: Edits) -> dict[str, list[tuple[Where, Edit]]]:
        """Return what is changed at the hook points within the model."""
        changes: dict[str, list[tuple[Where, Edit]]] = {}
        for (hook, stream), edit in edits.items():
            self._check(hook, stream)
            if hook != JOINT and stream in inputs.streams:
                changes.setdefault(hook, []).append((self.where(hook, stream, inputs), edit))
        return changes

    def _check(self, hook: str, stream: str) -> None:
        point = self.point(hook)
        if stream not in STREAMS or stream not in point.streams:
            raise MmfeatError(
                f"{self.spec} has no {stream} at {hook}; it has {', '.join(point.streams)}."
            )
