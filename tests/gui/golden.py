"""Pictures of the viewer that were looked at by eye, and how a new one is compared with them.

What is compared is small: blocks of pixels, so that a hinted letter or a pixel's shift is nothing
and a missing column, a wrong colour or a swapped direction is seen.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image
from PySide6.QtGui import QFontInfo, QFontMetrics, QImage
from PySide6.QtWidgets import QApplication

from mmfeat_gui.views.fonts import font_for

FOLDER = Path(__file__).parents[1] / "golden"
FONTS = FOLDER / "fonts.json"
BLOCK = 8  # pixels
MEAN, WORST, SHARE = 3.0, 40.0, 0.02  # of 255: mean difference; blocks that differ more, at most
_SAMPLES = {
    "en": "Wide map",
    "ar": "نقاشی صورة",
    "ko": "한국어",
    "ja": "かな",
    "zh": "白色",
    "ru": "жук",
}


def fonts() -> dict[str, str]:
    """Return the font of each script here, and how wide it draws a sample."""
    found = {}
    for language, text in _SAMPLES.items():
        font = font_for(language, QApplication.font())
        width = QFontMetrics(font).horizontalAdvance(text)
        found[language] = f"{text}: {width} in {QFontInfo(font).family()}"
    return found


def known_fonts() -> dict[str, str]:
    """Return the fonts that the pictures were made with."""
    return dict(json.loads(FONTS.read_text("utf-8"))) if FONTS.exists() else {}


def pixels(image: QImage) -> np.ndarray:
    """Return an image as uint8 [h, w, 3]."""
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def blocks(shown: np.ndarray) -> np.ndarray:
    """Return the mean colour of each block of pixels, float [h, w, 3]."""
    high, wide = (size // BLOCK * BLOCK for size in shown.shape[:2])
    cut = shown[:high, :wide].astype(np.float64)
    return cut.reshape(high // BLOCK, BLOCK, wide // BLOCK, BLOCK, 3).mean((1, 3))


def difference(shown: np.ndarray, golden: np.ndarray) -> str:
    """Return what is different in words; empty where the pictures are alike."""
    if shown.shape != golden.shape:
        return f"its size is {shown.shape[1::-1]}, not {golden.shape[1::-1]}"
    apart = np.abs(blocks(shown) - blocks(golden)).max(-1)
    mean, share = float(apart.mean()), float((apart > WORST).mean())
    if mean <= MEAN and share <= SHARE:
        return ""
    y, x = np.unravel_index(int(apart.argmax()), apart.shape)
    return (
        f"mean difference {mean:.1f} (at most {MEAN}), {share:.1%} of it is another picture "
        f"(at most {SHARE:.0%}), most at ({x * BLOCK}, {y * BLOCK})"
    )


def load(name: str) -> np.ndarray:
    """Return a golden picture."""
    return np.asarray(Image.open(FOLDER / f"{name}.png").convert("RGB"))


def save(path: Path, shown: np.ndarray) -> None:
    """Write a picture in few colours: it is small, and near enough."""
    image = Image.fromarray(shown).quantize(192, method=Image.Quantize.MEDIANCUT, dither=0)
    image.save(path, optimize=True)


def renew(pictures: Iterable[tuple[str, np.ndarray]]) -> None:
    """Put pictures in place of the golden ones."""
    FOLDER.mkdir(exist_ok=True)
    for name, shown in pictures:
        save(FOLDER / f"{name}.png", shown)
    FONTS.write_text(json.dumps(fonts(), ensure_ascii=False, indent=1) + "\n", "utf-8")
