from __future__ import annotations

import pytest

from mmfeat.errors import MmfeatError
from mmfeat.figures.widths import inches


@pytest.mark.parametrize(
    ("width", "points"),
    [
        ("neurips", 397.5),
        ("icml", 234.9),  # 3.25 in: what \columnwidth of its template says, in TeX's points
        ("icml-2", 487.8),
        ("acl", 219.1),
        ("acl-2", 455.2),
        ("nature", 253.2),
        ("nature-2", 520.7),
        ("120mm", 341.4),
        ("1", 238.5),
        ("2", 498.7),
    ],
)
def test_a_width_is_that_of_the_venue_in_tex_points(width: str, points: float) -> None:
    assert inches(width) * 72.27 == pytest.approx(points, abs=0.1)


@pytest.mark.parametrize("width", ["", "3", "nips", "icml-3", "20mm", "1000mm", "1e9mm", "-5mm"])
def test_an_unknown_width_is_refused_with_those_known(width: str) -> None:
    with pytest.raises(MmfeatError, match="is no width; give neurips, icml, acl, nature"):
        inches(width)
