from __future__ import annotations

from pathlib import Path

import numpy as np
import pymupdf
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.t2CharStringPen import T2CharStringPen
from matplotlib import font_manager, rc_context
from matplotlib.backends import _backend_pdf_ps as backend
from matplotlib.figure import Figure

from mmfeat.figures import output
from mmfeat.figures.outlines import truetype


@pytest.fixture
def postscript_font(tmp_path: Path) -> str:
    """A font with PostScript outlines, whose A is a square on the line."""
    names = [".notdef", "space", "A", "B"]
    shapes = {}
    for name in names:
        pen = T2CharStringPen(600, None)
        if name == "A":
            pen.moveTo((50, 0))
            for point in ((50, 500), (550, 500), (550, 0)):
                pen.lineTo(point)
            pen.closePath()
        elif name == "B":  # a curve, which is cubic in such fonts
            pen.moveTo((50, 0))
            pen.curveTo((50, 700), (550, 700), (550, 0))
            pen.closePath()
        shapes[name] = pen.getCharString()
    builder = FontBuilder(1000, isTTF=False)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({32: "space", 65: "A", 66: "B"})
    builder.setupCFF("Squares", {"FullName": "Squares"}, shapes, {})
    builder.setupHorizontalMetrics({name: (600, 50) for name in names})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Squares", "styleName": "Regular", "psName": "Squares"})
    builder.setupOS2(sTypoAscender=800, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    path = tmp_path / "squares.otf"
    builder.save(path)
    font_manager.fontManager.addfont(path)
    return "Squares"


def inked(path: Path) -> np.ndarray:
    """Return which pixels of a page are drawn on, 10 a point."""
    with pymupdf.open(path) as document:
        pixels = document[0].get_pixmap(matrix=pymupdf.Matrix(10, 10), colorspace="gray")
    return np.frombuffer(pixels.samples, np.uint8).reshape(pixels.height, pixels.stride) < 128


@pytest.mark.parametrize(("letter", "area"), [("A", 0.25), ("B", 0.21)])
def test_letters_of_a_postscript_font_are_drawn_as_they_are(
    letter: str, area: float, postscript_font: str, tmp_path: Path
) -> None:
    out = tmp_path / "a.pdf"
    with output.style(), rc_context({"font.family": [postscript_font]}):
        figure = Figure(figsize=(1, 1))
        figure.text(0.2, 0.2, letter, fontsize=40)
        output.save(figure, out, "pdf", 72, "title", "{}")
    found = inked(out)
    # In ems: 40 points of 10 pixels. Under the curve: 0.6 x 0.5 x 0.7.
    assert found.sum() / 400**2 == pytest.approx(area, rel=0.01)
    rows = np.flatnonzero(found.any(1))
    assert rows[-1] + 1 == pytest.approx(720 - 144, abs=2)
    with pymupdf.open(out) as document:
        ((_, extension, kind, *_),) = document[0].get_fonts()
        assert (extension, kind) == ("ttf", "Type0")
        assert document[0].get_text().strip() == letter


def test_what_embeds_fonts_is_put_back() -> None:
    before = backend.get_glyphs_subset
    with pytest.raises(KeyError), truetype():
        assert backend.get_glyphs_subset is not before
        raise KeyError
    assert backend.get_glyphs_subset is before
