"""The bridge of an atlas: with which feature of captions each feature of pictures goes."""

from __future__ import annotations

import json
from dataclasses import dataclass

import h5py
import numpy as np

from mmfeat import hdf5
from mmfeat.analysis.bridge import PARTNERS, bridge, paired_codes
from mmfeat.analysis.units import unit_of_items
from mmfeat.atlas.checked import FLOAT, INTEGER, CheckedFile
from mmfeat.atlas.evidence import IMAGE, TEXT, Evidence
from mmfeat.progress import Progress

SIDES = ("image", "text")


def write(file: h5py.File, evidence: Evidence, progress: Progress) -> None:
    """Write ``/bridge``, over the test units that have a picture and a caption."""
    image, text = evidence.streams[IMAGE], evidence.streams[TEXT]
    unit = unit_of_items(evidence.acts)
    pairs = paired_codes(
        evidence.codes[IMAGE],
        evidence.codes[TEXT],
        unit[image.item],
        unit[text.item],
        text.language,
    )
    decoders = [evidence.trained.sae_of(name).W_dec.detach().numpy() for name in (IMAGE, TEXT)]
    with progress.stage("bridging", evidence.trained.d_sae) as advance:
        found = bridge(*pairs, decoders[0], decoders[1], PARTNERS, advance=advance)
    group = hdf5.encode_group(file.create_group("bridge"), "bridge")
    group.attrs["json"] = json.dumps(found.summary())
    for name in SIDES:
        side = getattr(found, name)
        node = hdf5.encode_group(group.create_group(name), "partners")
        node["index"], node["value"], node["z"] = side.index, side.value, side.z
        node["mass"] = getattr(found, f"mass_{name}").astype(np.float32)
    own = hdf5.encode_group(group.create_group("own"), "own")
    own["value"], own["z"] = found.own.astype(np.float32), found.own_z.astype(np.float32)


@dataclass(frozen=True)
class Partner:
    """A feature of the other side, with the entry of the bridge.

    Attributes
    ----------
    feature : int
    value : float
        B: covariance over pairs, times cosine of the decoder rows.
    z : float
        The covariance in standard deviations under random pairing; NaN where there is none.
    p : float
        One-sided p of z by the normal distribution: coarse for features that fire on few pairs.
    """

    feature: int
    value: float
    z: float
    p: float


class BridgeReader:
    """Reads ``/bridge`` a feature at a time.

    Attributes
    ----------
    summary : dict
        See `mmfeat.analysis.bridge.Bridge.summary`.

    Raises
    ------
    MmfeatError
        If it is missing or damaged.
    """

    def __init__(self, data: CheckedFile, features: int, languages: tuple[str, ...]) -> None:
        self._data, self._features = data, features
        self.summary = data.json("bridge")
        for side in SIDES:
            shape = data.dataset(f"bridge/{side}/index", INTEGER, (features, None)).shape
            for name in ("value", "z"):
                data.dataset(f"bridge/{side}/{name}", FLOAT, shape)
            data.dataset(f"bridge/{side}/mass", FLOAT, (features,))
        for name in ("value", "z"):
            data.dataset(f"bridge/own/{name}", FLOAT, (features,))

    def partners(self, feature: int, side: str) -> list[Partner]:
        """Return a feature's strongest partners, by falling magnitude of B.

        Parameters
        ----------
        feature : int
        side : str
            ``image``: the feature as pictures have it, with features of captions; ``text``: as
            captions have it, with features of pictures.
        """
        index, value, z = (
            self._data.rows(f"bridge/{side}/{name}", feature, feature + 1)[0]
            for name in ("index", "value", "z")
        )
        known = index >= 0
        if (index >= self._features).any():
            raise self._data.damaged(
                f"/bridge/{side}/index", f"partners of feature {feature} do not exist"
            )
        columns = (index[known], value[known], z[known], normal_p(z[known]))
        return [Partner(int(i), *map(float, rest)) for i, *rest in zip(*columns, strict=True)]

    def own(self) -> tuple[np.ndarray, np.ndarray]:
        """Return B of each feature with itself, and its z [d_sae]; NaN where there is none."""
        value, z = (
            self._data.rows(f"bridge/own/{name}", 0, self._features) for name in ("value", "z")
        )
        return value, z

    def mass(self, side: str) -> np.ndarray:
        """Return the sum of magnitudes of B over all partners of each feature of a side [d_sae]."""
        return self._data.rows(f"bridge/{side}/mass", 0, self._features)


def normal_p(z: np.ndarray) -> np.ndarray:
    """Return P(Z >= z) of the standard normal distribution."""
    from scipy.special import ndtr

    return np.asarray(ndtr(-z.astype(np.float64)))
