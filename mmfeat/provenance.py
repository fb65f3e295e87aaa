"""What made a file: settings, seeds, versions and the content of its inputs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mmfeat import hdf5

_PACKAGES = ("mmfeat", "torch", "open_clip_torch", "transformers", "numpy", "h5py", "umap-learn")


def versions() -> dict[str, str]:
    """Return the versions that matter for a result."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def content_hash(path: Path) -> str:
    """Return a hash of what a file or folder holds.

    Files of ours carry theirs; other files are hashed; a folder's is that of
    its files' names and hashes.
    """
    if path.is_dir():
        digest = hashlib.sha256()
        for file in sorted(p for p in path.rglob("*") if p.suffix in (".json", ".safetensors")):
            name = file.relative_to(path).as_posix()
            digest.update(f"{name}:{content_hash(file)}\n".encode())
        return digest.hexdigest()
    if path.suffix == ".h5":
        return hdf5.stored_digest(path)
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def record(
    command: str, settings: Mapping[str, Any], inputs: Mapping[str, Path] | None = None
) -> str:
    """Return the provenance of an output as JSON.

    There is no clock and no machine path in it: the same work gives the same bytes.
    """
    return json.dumps(
        {
            "command": command,
            "settings": dict(settings),
            "versions": versions(),
            "inputs": {
                name: {"name": path.name, "sha256": content_hash(path)}
                for name, path in (inputs or {}).items()
            },
        },
        sort_keys=True,
        ensure_ascii=False,
    )
