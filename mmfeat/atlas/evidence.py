"""What an atlas is built from: the open files, the codes, and what fires on which test unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool

if TYPE_CHECKING:
    from mmfeat.analysis.codes import Codes
    from mmfeat.analysis.held_out import HeldOut
    from mmfeat.analysis.sharing import Sharing
    from mmfeat.analysis.units import UnitFiring
    from mmfeat.corpus.file import Corpus
    from mmfeat.sae.interop import TrainedSAE
    from mmfeat.store.activations import Activations, Stream

IMAGE, TEXT = "image.pooled", "text.pooled"


@dataclass(frozen=True)
class Evidence:
    """What every part of an atlas is computed from.

    Attributes
    ----------
    acts : Activations
        The open activations.
    hook : str
        Hook point.
    trained : TrainedSAE
        The SAE.
    corpus : Corpus
        The open corpus.
    streams : mapping of str to Stream
        Those that the SAE knows, `IMAGE` and `TEXT` among them.
    codes : mapping of str to Codes
        Codes of the pooled streams, `IMAGE` and `TEXT`.
    units : UnitFiring
        What fires on the picture and captions of each test unit.
    sharing : Sharing
        The one definition, applied to the units.
    alive : bool [d_sae]
        Features with at least 5 firings on pooled train rows.
    test : HeldOut or None
        The test units; None where no test concept has a picture and a caption.
    second : Stream or None
        Pooled pictures of the same items by a second encoder, where given.
    """

    acts: Activations
    hook: str
    trained: TrainedSAE
    corpus: Corpus
    streams: Mapping[str, Stream]
    codes: Mapping[str, Codes]
    units: UnitFiring
    sharing: Sharing
    alive: Bool[np.ndarray, "d_sae"]
    test: HeldOut | None
    second: Stream | None = None

    @property
    def languages(self) -> tuple[str, ...]:
        """Tags of the corpus's languages."""
        return tuple(self.acts.languages)
