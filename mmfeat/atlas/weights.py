"""The SAE in an atlas, as something that encodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmfeat.atlas.checked import FLOAT, CheckedFile

if TYPE_CHECKING:
    from mmfeat.sae.base import SAE
    from mmfeat.sae.interop import TrainedSAE

_MODALITIES = ("image", "text")


def trained_sae(data: CheckedFile, d_in: int, d_sae: int, languages: int) -> TrainedSAE:
    """Read the SAE of an atlas.

    Parameters
    ----------
    data : CheckedFile
        The open atlas.
    d_in, d_sae, languages : int
        What it says of itself.

    Raises
    ------
    MmfeatError
        If the weights are missing, of other shapes, or not finite.
    """
    import torch

    from mmfeat.sae.foreign import SAE_LENS_NAMES
    from mmfeat.sae.interop import TrainedSAE
    from mmfeat.sae.registry import sae_class
    from mmfeat.sae.standardisation import Standardisation

    saes: dict[str, SAE] = {}
    for modality in _MODALITIES:
        place = f"sae/{modality}"
        if modality == "text" and place not in data.file:
            saes[modality] = saes["image"]
            continue
        with data.guard(f"/{place}"):
            attributes = data.file[place].attrs
            architecture = str(attributes["architecture"])
            if architecture not in SAE_LENS_NAMES:
                raise ValueError(f"its architecture is {architecture!r}")
            options = {"k": int(attributes["k"])} if architecture == "topk" else {}
            with torch.device("meta"):
                sae = sae_class(architecture)(d_in, d_sae, **options)
        shapes = {"W_enc": (d_in, d_sae), "W_dec": (d_sae, d_in), "b_dec": (d_in,)}
        tensors = {}
        for name in sae.saved:
            shape = shapes.get(name, (d_sae,))
            values = data.whole(f"{place}/{name}", FLOAT, shape).astype(np.float32)
            if not np.isfinite(values).all():
                raise data.damaged(f"/{place}/{name}", "numbers that are not finite")
            tensors[name] = torch.from_numpy(values)
        sae.restore(tensors)
        saes[modality] = sae
    streams = {}
    with data.guard("/sae/streams"):
        names = sorted(data.file["sae/streams"])
    for name in names:
        groups = languages if name.startswith("text") else 1
        place = f"sae/streams/{name}"
        mean = data.whole(f"{place}/mean", FLOAT, (groups, d_in))
        scale = data.whole(f"{place}/scale", FLOAT, (groups,))
        if not (np.isfinite(mean).all() and np.isfinite(scale).all() and (scale > 0).all()):
            raise data.damaged(f"/{place}", "mean and scale are not all finite")
        streams[name] = Standardisation(mean.astype(np.float32), scale.astype(np.float32))
    with data.guard("/sae"):
        kind = str(data.file["sae"].attrs.get("architecture", ""))
    return TrainedSAE(saes, streams, {"training_architecture": kind} if kind else {})
