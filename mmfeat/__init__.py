"""Features that a vision-language model shares between pictures and captions in every language.

The public functions mirror the commands; each is loaded when it is first used, so that
``import mmfeat`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mmfeat.errors import MmfeatError

if TYPE_CHECKING:
    from mmfeat import figures
    from mmfeat.atlas.build import build_atlas
    from mmfeat.atlas.comparison import compare
    from mmfeat.atlas.comparison_reader import Comparison as open_comparison
    from mmfeat.atlas.query import search_atlas as search
    from mmfeat.atlas.reader import Atlas as open_atlas
    from mmfeat.atlas.safety import probe_atlas as probe
    from mmfeat.atlas.steer import Steering
    from mmfeat.corpus.file import open_corpus
    from mmfeat.extraction import extract
    from mmfeat.sae.export import export_sae
    from mmfeat.sae.interop import load_sae
    from mmfeat.store.activations import open_activations
    from mmfeat.sweep import sweep
    from mmfeat.training import train

    __version__: str

__all__ = [
    "MmfeatError",
    "Steering",
    "__version__",
    "build_atlas",
    "compare",
    "export_sae",
    "extract",
    "figures",
    "load_sae",
    "open_activations",
    "open_atlas",
    "open_comparison",
    "open_corpus",
    "probe",
    "search",
    "sweep",
    "train",
]

_HOMES = {
    "Steering": ("mmfeat.atlas.steer", "Steering"),
    "build_atlas": ("mmfeat.atlas.build", "build_atlas"),
    "compare": ("mmfeat.atlas.comparison", "compare"),
    "export_sae": ("mmfeat.sae.export", "export_sae"),
    "extract": ("mmfeat.extraction", "extract"),
    "load_sae": ("mmfeat.sae.interop", "load_sae"),
    "open_activations": ("mmfeat.store.activations", "open_activations"),
    "open_atlas": ("mmfeat.atlas.reader", "Atlas"),
    "open_comparison": ("mmfeat.atlas.comparison_reader", "Comparison"),
    "open_corpus": ("mmfeat.corpus.file", "open_corpus"),
    "probe": ("mmfeat.atlas.safety", "probe_atlas"),
    "search": ("mmfeat.atlas.query", "search_atlas"),
    "sweep": ("mmfeat.sweep", "sweep"),
    "train": ("mmfeat.training", "train"),
}


def __getattr__(name: str) -> Any:
    """Load a public name on first use (PEP 562)."""
    value: Any
    if name == "__version__":
        from importlib.metadata import version

        value = version("mmfeat")
    elif name == "figures":
        value = import_module("mmfeat.figures")
    elif name in _HOMES:
        module, attribute = _HOMES[name]
        value = getattr(import_module(module), attribute)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, also those not loaded yet."""
    return sorted({*globals(), *__all__})
