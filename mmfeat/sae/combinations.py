"""Which remedies and architectures combine.

================== ============================ ==========================================
remedy             architectures                needs, and what it excludes
================== ============================ ==========================================
batch.standardise  all                          nothing
batch.concept_...  all                          nothing
batch.second_...   all                          a text stream
encoders, decoders all                          rows of both modalities
support.shared     topk, batch-topk, matryoshka pairs; one k for both
support.mask       topk, batch-topk, matryoshka pairs
support.balance    topk, batch-topk, matryoshka rows of both modalities
loss.*             all                          pairs
================== ============================ ==========================================

Pairs are there where a batch has two views of an item: streams of both
modalities, or a second caption. All remedies of the table combine with each
other.
"""

from __future__ import annotations

from mmfeat.errors import MmfeatError
from mmfeat.sae.batch import modality_of
from mmfeat.sae.settings import TrainSettings

SELECTING = ("topk", "batch-topk", "matryoshka")
TERMS = ("group_sparsity", "iso_energy", "energy_gap", "contrastive", "translation")


def check(settings: TrainSettings) -> None:
    """Refuse settings that do not combine.

    Raises
    ------
    MmfeatError
        Naming the setting, what it clashes with, and what to change.
    """
    architecture = settings.sae.architecture
    support, loss = settings.support, settings.loss
    modalities = {modality_of(stream) for stream in settings.streams}
    pairs = len(settings.streams) > 1 or (settings.batch.second_caption and "text" in modalities)
    for name in ("shared", "mask"):
        if getattr(support, name):
            _require(architecture, SELECTING, f"support.{name}")
            _need(pairs, f"support.{name}")
    if support.balance:
        _require(architecture, SELECTING, "support.balance")
    for name in TERMS:
        if getattr(loss, name):
            _need(pairs, f"loss.{name}")
    apart = {
        "sae.encoders": settings.sae.encoders == "modality",
        "sae.decoders": settings.sae.decoders == "modality",
        "support.balance": bool(support.balance),
    }
    for name, wanted in apart.items():
        if wanted and modalities != {"image", "text"}:
            raise MmfeatError(
                f"{name} treats pictures and captions apart, but only "
                f"{', '.join(settings.streams)} is trained on; add a stream of the other modality "
                "or leave it out."
            )


def _require(architecture: str, known: tuple[str, ...], name: str) -> None:
    if architecture not in known:
        raise MmfeatError(
            f"{name} needs an architecture that selects its support ({', '.join(known)}), not "
            f"{architecture!r}; change sae.architecture or leave {name} out."
        )


def _need(pairs: bool, name: str) -> None:
    if not pairs:
        raise MmfeatError(
            f"{name} works on pairs, but there is one view of each item; train on a stream of "
            "pictures and one of captions, or set batch.second_caption."
        )
