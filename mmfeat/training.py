"""From an activations file to a trained SAE folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from mmfeat import provenance
from mmfeat.errors import MmfeatError
from mmfeat.files import disk_errors, exclusive, whole_file
from mmfeat.progress import SILENT, Progress
from mmfeat.sae.settings import TrainSettings, load_settings

if TYPE_CHECKING:
    from mmfeat.sae.base import SAE
    from mmfeat.sae.ranks import Ranks
    from mmfeat.sae.standardisation import Standardisation
    from mmfeat.sae.trainer import Plan
    from mmfeat.store.activations import Activations
    from mmfeat.store.pairs import PairSource

DEFAULT_RECIPE = "shared-topk"
NAIVE_RECIPE = "naive-topk"
_SCORES = "scores.json"


def recipe(name: str, overrides: dict[str, Any] | None = None) -> TrainSettings:
    """Return the settings of a recipe.

    Raises
    ------
    MmfeatError
        If there is no recipe of that name.
    """
    from mmfeat.assets import path as asset

    folder = asset("recipes")
    known = sorted(file.stem for file in folder.glob("*.toml"))
    if name not in known:
        raise MmfeatError(f"There is no recipe {name!r}; choose from {', '.join(known)}.")
    return load_settings(folder / f"{name}.toml", {**(overrides or {}), "recipe": name})


def recorded(activations: Path, settings: TrainSettings) -> str:
    """Return the provenance that a training writes."""
    return provenance.record(
        "train", settings.model_dump(mode="json"), {"activations": activations}
    )


def standardisations(
    activations: Activations, hook: str, mode: Literal["stream", "scalar"], trained: Sequence[str]
) -> dict[str, Standardisation]:
    """Return how the streams of a hook point are standardised.

    ``stream``: the train mean of each stream and language is taken off, and
    rows are scaled to a mean squared norm of d_in. ``scalar``: one scale for
    all, so that the mean squared norm is d_in over the trained streams, each
    language counting alike (Templeton et al. 2024); no mean is taken off.
    Patches and tokens are there too: they are read with the same SAE.
    """
    from mmfeat.sae.standardisation import Standardisation

    streams = [activations.stream(hook, name) for name in activations.hooks[hook]]
    width = activations.stream(hook, trained[0]).d
    # Trained streams of another width are refused where pairs are drawn.
    kept = [stream for stream in streams if stream.d == width or stream.name in trained]
    if mode == "stream":
        return {stream.name: Standardisation(stream.mean, stream.scale) for stream in kept}
    squares = []
    for name in trained:
        stream = activations.stream(hook, name)
        # E||x||^2 = E||x - mean||^2 + ||mean||^2, and the scale is sqrt(d / E||x - mean||^2).
        norm = width / stream.scale.astype(np.float64) ** 2 + np.square(
            stream.mean, dtype=np.float64
        ).sum(1)
        squares.append(norm.mean())
    scale = np.float32(np.sqrt(width / np.mean(squares)))
    return {
        stream.name: Standardisation(np.zeros_like(stream.mean), np.full_like(stream.scale, scale))
        for stream in kept
    }


class Prepared:
    """What a training needs of an activations file, and what is made of its SAEs.

    Parameters
    ----------
    activations : Activations
        The open file.
    settings : TrainSettings
        What decides the training.
    like : Prepared, optional
        Of a training that draws the same pairs, which are then made once.

    Raises
    ------
    MmfeatError
        If settings exclude each other, or the streams are not there.
    """

    def __init__(
        self, activations: Activations, settings: TrainSettings, like: Prepared | None = None
    ) -> None:
        from mmfeat.sae.combinations import check
        from mmfeat.store.pairs import PairSource

        self.activations, self.settings = activations, settings
        self.record = recorded(activations.path, settings)
        self.streams: dict[str, Standardisation]
        self.pairs: PairSource
        if like is not None:
            check(settings)
            self.streams, self.pairs = like.streams, like.pairs
            return
        for name in settings.streams:
            activations.stream(settings.hook, name)  # says what there is, if this is not
        check(settings)
        self.streams = standardisations(
            activations, settings.hook, settings.batch.standardise, settings.streams
        )
        trained = {name: self.streams[name] for name in settings.streams}
        self.pairs = PairSource(activations, settings.hook, trained, settings.batch, settings.seed)

    def plan(self, folder: Path) -> Plan:
        """Return the training."""
        from mmfeat.sae.trainer import Plan

        return Plan(self.settings, self.pairs, self.pairs.d_in, folder, self.record)

    def clear(self, folder: Path) -> None:
        """Take away what an earlier training left: from now on its SAE is no longer whole."""
        from mmfeat.sae.interop import forget_sae

        forget_sae(folder)
        (folder / _SCORES).unlink(missing_ok=True)

    def save(self, saes: dict[str, SAE], folder: Path) -> dict[str, Any]:
        """Score trained SAEs, write their folder and return the scores."""
        from mmfeat.analysis.fidelity import fidelity
        from mmfeat.sae import checkpoint
        from mmfeat.sae.interop import TrainedSAE, save_sae

        settings = self.settings
        metadata = {
            "model_name": self.activations.backbone,
            "hook_name": settings.hook,
            "streams": list(settings.streams),
            "languages": list(self.activations.languages),
            "training_architecture": settings.sae.architecture,
            "provenance": json.loads(self.record),
        }
        trained = TrainedSAE(saes, self.streams, metadata)
        scores = {
            name: fidelity(trained, self.activations, settings.hook, name)
            for name in settings.streams
        }
        with whole_file(folder / _SCORES) as temporary:
            temporary.write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
        save_sae(folder, saes, self.streams, metadata)
        checkpoint.clean(folder / checkpoint.NAME)
        return {
            "out": str(folder),
            **{
                kind: {name: score[kind] for name, score in scores.items()}
                for kind in ("fvu", "l0", "dead")
            },
            "fvu_mean": {
                name: float(np.mean(list(score["fvu"].values())))
                for name, score in scores.items()
                if score["fvu"]
            },
        }


def train(
    activations: Path | str,
    out: Path | str,
    settings: TrainSettings | None = None,
    *,
    device: str = "cpu",
    progress: Progress = SILENT,
    ranks: Ranks | None = None,
) -> dict[str, Any]:
    """Train an SAE on true pairs of train concepts and score it on test concepts.

    An interrupted training goes on from its last checkpoint.

    Parameters
    ----------
    activations : path
        An activations file.
    out : path
        The SAE folder.
    settings : TrainSettings, optional
        Default: the recipe `DEFAULT_RECIPE`.
    device : str
        A torch device, or ``auto``; the SAE is scored on the CPU.
    ranks : Ranks, optional
        The processes that train together (`mmfeat.sae.ranks.launched`); the first writes.

    Returns
    -------
    dict
        ``out``, and on the first process ``fvu``, ``l0``, ``dead`` by stream and language, on
        test concepts.

    Raises
    ------
    MmfeatError
        If settings exclude each other, the streams are not there, or the folder is
        being written.
    """
    from mmfeat.backbones.device import device_of
    from mmfeat.sae.ranks import Ranks
    from mmfeat.sae.trainer import train_saes
    from mmfeat.store.activations import open_activations

    source, folder = Path(activations), Path(out)
    ranks, place = ranks or Ranks(), device_of(device)
    if folder.is_file():
        raise MmfeatError(f"{folder} is a file; give a folder for --out.")
    with (
        open_activations(source) as acts,
        disk_errors(folder),
        exclusive(folder) if ranks.first else nullcontext(),
    ):
        prepared = Prepared(acts, settings or recipe(DEFAULT_RECIPE))
        if ranks.first:
            prepared.clear(folder)
        ranks.wait()
        plan = prepared.plan(folder)
        (saes,) = train_saes(
            [plan], progress=progress if ranks.first else SILENT, device=place, ranks=ranks
        )
        if isinstance(saes, MmfeatError):
            raise saes
        for sae in saes.values():
            sae.cpu()
        return prepared.save(saes, folder) if ranks.first else {"out": str(folder)}
