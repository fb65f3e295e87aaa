"""From an activations file to a trained SAE folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from mmfeat import provenance
from mmfeat.errors import MmfeatError
from mmfeat.files import disk_errors, exclusive, whole_file
from mmfeat.progress import SILENT, Progress
from mmfeat.sae.settings import TrainSettings, load_settings

DEFAULT_RECIPE = "naive-topk"


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
    return load_settings(folder / f"{name}.toml", overrides)


def recorded(activations: Path, settings: TrainSettings) -> str:
    """Return the provenance that a training writes."""
    return provenance.record(
        "train", settings.model_dump(mode="json"), {"activations": activations}
    )


def train(
    activations: Path | str,
    out: Path | str,
    settings: TrainSettings | None = None,
    *,
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """Train an SAE on true pairs of train concepts and score it on test concepts.

    Standardisation is a stream's and a language's own: their train mean is
    taken off, and rows are scaled to a mean squared norm of d_in. An
    interrupted training goes on from its last checkpoint.

    Parameters
    ----------
    activations : path
        An activations file.
    out : path
        The SAE folder.

    Returns
    -------
    dict
        ``out``, and ``fvu``, ``l0``, ``dead`` by stream and language, on test concepts.

    Raises
    ------
    MmfeatError
        If the streams are not there, or the folder is being written.
    """
    from mmfeat.analysis.fidelity import fidelity
    from mmfeat.sae.interop import Standardisation, TrainedSAE, save_sae
    from mmfeat.sae.trainer import train_sae
    from mmfeat.store.activations import open_activations
    from mmfeat.store.pairs import PairSource

    settings = settings or recipe(DEFAULT_RECIPE)
    source, folder = Path(activations), Path(out)
    if folder.is_file():
        raise MmfeatError(f"{folder} is a file; give a folder for --out.")
    with open_activations(source) as acts, disk_errors(folder), exclusive(folder):
        pairs = PairSource(
            acts,
            settings.hook,
            settings.streams,
            settings.optimiser.batch_size,
            settings.seed,
        )
        record = recorded(source, settings)
        # Whatever SAE was here is no longer whole from now on.
        (folder / "cfg.json").unlink(missing_ok=True)
        sae = train_sae(pairs, pairs.d_in, settings, folder, key=record, progress=progress)
        # Patches and tokens are read with the same SAE, each by its own mean and scale.
        streams = {
            name: Standardisation(stream.mean, stream.scale)
            for name in acts.hooks[settings.hook]
            if (stream := acts.stream(settings.hook, name)).d == pairs.d_in
        }
        metadata = {
            "model_name": acts.backbone,
            "hook_name": settings.hook,
            "streams": list(settings.streams),
            "languages": list(acts.languages),
            "provenance": json.loads(record),
        }
        trained = TrainedSAE(sae.requires_grad_(False), streams, metadata)
        scores = {name: fidelity(trained, acts, settings.hook, name) for name in settings.streams}
        with whole_file(folder / "scores.json") as temporary:
            temporary.write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
        save_sae(folder, sae, streams, metadata)
        (folder / "checkpoint.pt").unlink(missing_ok=True)
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
