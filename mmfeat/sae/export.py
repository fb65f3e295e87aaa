"""SAEs for other programs: checked, in the layout of SAELens, and on raw rows where asked for."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmfeat.errors import MmfeatError
from mmfeat.files import disk_errors, exclusive
from mmfeat.sae.batch import modality_of
from mmfeat.sae.folding import fold_standardisation
from mmfeat.sae.foreign import SAE_LENS_NAMES
from mmfeat.sae.interop import TrainedSAE, load_sae, save_sae
from mmfeat.sae.standardisation import Standardisation


def export_sae(
    folder: Path | str, out: Path | str, stream: str | None = None, language: str | None = None
) -> dict[str, Any]:
    """Write an SAE as a folder that SAELens loads.

    Parameters
    ----------
    folder : path
        An SAE folder, ours or of another program that `load_sae` reads.
    out : path
        The folder to write.
    stream : str, optional
        The stream whose mean and scale are folded into the weights, so that the SAE acts on
        raw rows of it; default: the SAE as it is, on standardised rows.
    language : str, optional
        The language of the captions, where a text stream has a mean and scale for each; not
        needed where these are the same in all languages.

    Returns
    -------
    dict
        ``out``, ``architecture`` as SAELens calls it, ``d_in``, ``d_sae``, ``stream`` and
        ``languages`` of the captions it acts on; the last two None where not folded.

    Raises
    ------
    MmfeatError
        If the SAE cannot be read, has no such stream or language, or needs a language.
    """
    source, target = Path(folder), Path(out)
    places = {source.resolve(), *(source.resolve() / name for name in ("image", "text"))}
    if target.resolve() in places or (target / "metrics.jsonl").exists():
        raise MmfeatError(f"{target} holds the SAE of a training; give another folder for --out.")
    if target.is_file():
        raise MmfeatError(f"{target} is a file; give a folder for --out.")
    trained = load_sae(source)
    if stream is not None:
        trained = _on_raw_rows(source, trained, stream, language)
    elif language is not None:
        raise MmfeatError(
            f"A language alone ({language}) chooses no mean and scale; give --stream too."
        )
    with disk_errors(target), exclusive(target):
        save_sae(target, trained.saes, trained.streams, trained.metadata)
    text = stream is not None and modality_of(stream) == "text"
    return {
        "out": str(target),
        "architecture": SAE_LENS_NAMES[next(iter(trained.saes.values())).architecture],
        "d_in": trained.d_in,
        "d_sae": trained.d_sae,
        "stream": stream,
        "languages": trained.metadata.get("languages") if text else None,
    }


def _on_raw_rows(
    source: Path, trained: TrainedSAE, stream: str, language: str | None
) -> TrainedSAE:
    """Return the SAE of one stream, its mean and scale folded in: what is left is 0 and 1."""
    if not trained.streams:
        raise MmfeatError(
            f"{source} has no mean and scale of any stream, so there is nothing to fold in; leave "
            "out --stream."
        )
    if stream not in trained.streams:
        raise MmfeatError(
            f"{source} has no stream {stream!r}; choose from {', '.join(trained.streams)}."
        )
    stats = trained.streams[stream]
    if modality_of(stream) != "text":
        if language is not None:
            raise MmfeatError(f"{stream} of {source} has no languages; leave out --language.")
        group, known = 0, trained.metadata.get("languages")
    else:
        group, known = _language(source, trained, stream, language)
    sae = copy.deepcopy(trained.sae_of(stream))
    mean, scale = torch.from_numpy(stats.mean[group]), float(stats.scale[group])
    sae.restore(fold_standardisation(sae.tensors(), mean, scale))
    count = len(stats.scale) if language is None else 1
    raw = Standardisation(np.zeros((count, sae.d_in), np.float32), np.ones(count, np.float32))
    folded = {"stream": stream, "language": language}
    metadata = {**trained.metadata, "streams": [stream], "folded": folded}
    if known is not None:
        metadata["languages"] = known
    return TrainedSAE({"image": sae, "text": sae}, {stream: raw}, metadata)


def _language(
    source: Path, trained: TrainedSAE, stream: str, language: str | None
) -> tuple[int, Any]:
    """Return which mean and scale of a text stream is meant, and the languages it is right for."""
    stats, known = trained.streams[stream], trained.metadata.get("languages")
    count = len(stats.scale)
    if language is None:
        if (stats.mean == stats.mean[0]).all() and (stats.scale == stats.scale[0]).all():
            return 0, known
        choices = f"choose from {', '.join(known)}" if isinstance(known, list) else "name one"
        raise MmfeatError(
            f"{stream} of {source} has a mean and scale for each of {count} languages; say which "
            f"with --language, and {choices}."
        )
    if not isinstance(known, list) or len(known) != count:
        raise MmfeatError(
            f"{source} does not say which languages the {count} means of {stream} are of; mend "
            "metadata.languages in its cfg.json."
        )
    if language not in known:
        raise MmfeatError(
            f"{stream} of {source} has no language {language!r}; choose from {', '.join(known)}."
        )
    return known.index(language), [language]
