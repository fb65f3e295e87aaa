"""What the pages under docs/ refer to is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import mmfeat

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(path for path in (ROOT / "docs").glob("**/*.md") if "_build" not in path.parts)
LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT / "docs").as_posix())
def test_links_lead_to_files_as_a_forge_follows_them(page: Path) -> None:
    text = re.sub(r"```.*?```|`[^`]*`", "", page.read_text("utf-8"), flags=re.DOTALL)
    targets = [link.partition("#")[0] for link in LINK.findall(text) if "://" not in link]
    missing = [target for target in targets if target and not (page.parent / target).exists()]
    assert missing == []


def test_every_public_name_stands_in_the_reference() -> None:
    reference = (ROOT / "docs" / "api" / "index.rst").read_text("utf-8")
    for name in mmfeat.__all__:
        assert re.search(rf"\bmmfeat\.{name}\b", reference), name
