"""What every figure owes its page, read from the PDF by another program."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import pymupdf
import pytest

from mmfeat.figures import export

INCHES = {"1": 3.3, "2": 6.9}


def check_pages(kind: str, source: Path, folder: Path, **options: Any) -> str:
    """Draw a figure at both widths, check its pages, and return the text of the wider one."""
    text = ""
    for width, inches in INCHES.items():
        out = folder / f"{kind}-{width}.pdf"
        export(kind, source, out, width=width, **options)
        with pymupdf.open(out) as document:
            assert document.page_count == 1
            page = document[0]
            assert page.rect.width == pytest.approx(inches * 72, abs=0.5)
            for _, extension, form, *_ in page.get_fonts(full=True):
                assert (extension, form) == ("ttf", "Type0")
            check_texts(page)
            text = page.get_text()
    # A file in another folder has the same name, which stands in its provenance.
    other = folder / "again" / out.name
    export(kind, source, other, width=width, **options)
    assert other.read_bytes() == out.read_bytes()
    return text


def check_texts(page: pymupdf.Page) -> None:
    """Check that every text is on the page, legible, and clear of every other."""
    lines = [
        (line, "".join(span["text"] for span in line["spans"]))
        for block in page.get_text("dict", flags=0)["blocks"]
        for line in block["lines"]
    ]
    boxes = []
    for line, text in lines:
        box = pymupdf.Rect(line["bbox"])
        size = line["spans"][0]["size"]
        assert size >= 4.99, (text, size)
        # Boxes have room for the tallest letters of a font: what is inked is less.
        across, along = (0.28 * size, 0.1) if line["dir"] == (1.0, 0.0) else (0.1, 0.28 * size)
        ink = pymupdf.Rect(box.x0 + along, box.y0 + across, box.x1 - along, box.y1 - across)
        assert page.rect.contains(ink), text
        boxes.append((ink, text))
    for (one, first), (other, second) in combinations(boxes, 2):
        assert not one.intersects(other), (first, second)
