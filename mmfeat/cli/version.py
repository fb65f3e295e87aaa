"""``mmfeat --version``: the versions that matter for a result or the report of a fault."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import typer

from mmfeat.cli.common import show

# Told from their metadata: to import them would take seconds.
PACKAGES = (
    "torch",
    "transformers",
    "tokenizers",
    "open-clip-torch",
    "timm",
    "numpy",
    "scipy",
    "h5py",
    "pyarrow",
    "safetensors",
    "umap-learn",
    "matplotlib",
    "PySide6-Essentials",
)


def versions() -> dict[str, str | None]:
    """Return the versions of mmfeat, Python, the system and packages; None: not installed."""
    return {
        "mmfeat": version("mmfeat"),
        "Python": platform.python_version(),
        "platform": platform.platform(),
        **{package: _version(package) for package in PACKAGES},
    }


def show_versions(context: typer.Context, wanted: bool) -> None:
    """Print the versions and end, where ``--version`` was given."""
    if not wanted or context.resilient_parsing:  # a shell that asks what could come next
        return
    found = versions()
    if context.params.get("as_json"):
        show(found, True)
    else:
        show({name: number or "not installed" for name, number in found.items()}, False)
    raise typer.Exit


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
