"""What an atlas says of every feature: scores, examples and neighbours."""

from __future__ import annotations

import h5py
import numpy as np

from mmfeat import hdf5
from mmfeat.analysis.examples import Examples, examples
from mmfeat.analysis.firing import MIN_FIRINGS, Firing, firing, modality_score
from mmfeat.analysis.neighbours import neighbours
from mmfeat.analysis.sharing import Sharing
from mmfeat.atlas.evidence import IMAGE, TEXT, Evidence
from mmfeat.progress import Progress

EXAMPLE_SEED = 0
# Examples kept of a feature in each group: the strongest, and of each band of activation.
_KEPT = {IMAGE: (20, 5), TEXT: (10, 3)}


def write(file: h5py.File, evidence: Evidence, progress: Progress) -> None:
    """Write ``/features``, ``/examples`` and ``/neighbours``."""
    groups = {IMAGE: 1, TEXT: len(evidence.languages)}
    fires = {
        name: firing(evidence.codes[name], evidence.streams[name].group, count)
        for name, count in groups.items()
    }
    _write_scores(file, fires[IMAGE], fires[TEXT], evidence.sharing)
    chosen = hdf5.encode_group(file.create_group("examples"), "examples")
    with progress.stage("choosing examples", 2 * evidence.trained.d_sae) as advance:
        for name, (top, per_band) in _KEPT.items():
            found = examples(
                evidence.codes[name],
                evidence.streams[name].group,
                groups[name],
                top=top,
                per_band=per_band,
                seed=EXAMPLE_SEED,
                advance=advance,
            )
            _write_examples(chosen, name, found)
    index, cosine = neighbours(evidence.trained.decoder.numpy())
    group = hdf5.encode_group(file.create_group("neighbours"), "neighbours")
    group["index"], group["cosine"] = index, cosine


def _write_scores(file: h5py.File, image: Firing, text: Firing, shared: Sharing) -> None:
    group = hdf5.encode_group(file.create_group("features"), "features")
    energy_text = np.nanmean(text.energy, axis=1)
    columns = {
        "firing_rate_image": image.rate[:, 0],
        "firing_rate_text": np.nanmean(text.rate, axis=1),
        "energy_image": image.energy[:, 0],
        "energy_text": energy_text,
        "modality_score": modality_score(image.energy[:, 0], energy_text),
        "max_activation_image": image.maximum[:, 0],
        "max_activation_text": text.maximum.max(axis=1),
        "n_languages": (text.count >= MIN_FIRINGS).sum(axis=1).astype(np.int16),
        "testable": shared.testable,
        "shared": shared.shared,
        "shared_p": shared.pc_p,
        "shared_q": shared.q,
        "shared_effect": shared.effect,
        "n_shared_languages": shared.shared_in_language.sum(axis=1).astype(np.int16),
    }
    for name, values in columns.items():
        group[name] = values
    by_language = hdf5.encode_group(group.create_group("by_language"), "by-language")
    by_language["firing_rate"], by_language["energy"] = text.rate, text.energy
    by_language["p"], by_language["effect"] = shared.p, shared.lower
    by_language["shared"] = shared.shared_in_language


def _write_examples(parent: h5py.Group, name: str, found: Examples) -> None:
    group = hdf5.encode_group(parent.create_group(name), "examples")
    for column in ("top", "top_activation", "bands", "bands_activation"):
        values = getattr(found, column)
        group[column] = values[:, 0] if name == IMAGE else values
