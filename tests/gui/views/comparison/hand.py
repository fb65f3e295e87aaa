"""Numbers of an atlas with h5py and plain loops; pixels of a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PySide6.QtGui import QImage

SILENT = 7


def numbers_of(path: Path) -> dict[str, Any]:
    """Count with h5py and plain loops."""
    with h5py.File(path) as file:
        scores = {
            name: file["features"][name][()].tolist()
            for name in file["features"]
            if isinstance(file["features"][name], h5py.Dataset)
        }
    rows = list(
        zip(
            scores["modality_score"],
            scores["firing_rate_image"],
            scores["firing_rate_text"],
            scores["testable"],
            scores["shared"],
            strict=True,
        )
    )
    alive = [row for row in rows if row[1] > 0 or row[2] > 0]
    bars = [[0, 0, 0] for _ in range(20)]
    for modality, _, _, testable, shared in alive:
        bars[min(int(modality * 20), 19)][2 if shared else 1 if testable else 0] += 1
    return {
        "features": len(rows),
        "alive": len(alive),
        "testable": sum(row[3] for row in rows),
        "shared": sum(row[4] for row in rows),
        "text": sum(row[0] < 0.05 for row in alive),
        "both": sum(0.05 <= row[0] <= 0.95 for row in alive),
        "image": sum(row[0] > 0.95 for row in alive),
        "bars": bars,
    }


def pixels_of(image: QImage) -> np.ndarray:
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1)
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).astype(int)
