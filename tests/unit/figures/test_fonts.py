from __future__ import annotations

from types import SimpleNamespace

import pytest
from matplotlib import font_manager

from mmfeat.figures import fonts


def install(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    entries = [SimpleNamespace(name=name) for name in names]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", entries)


def test_only_installed_families_are_listed_and_the_last_resort_comes_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch, "DejaVu Sans", "Noto Sans CJK JP", "Noto Sans Arabic", "Comic Sans MS")
    assert fonts.families() == ["Noto Sans Arabic", "Noto Sans CJK JP", "DejaVu Sans"]
    assert fonts.missing() == []


def test_a_bare_machine_lacks_the_cjk_font(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "DejaVu Sans")
    assert fonts.families() == ["DejaVu Sans"]
    assert fonts.missing() == ["Chinese, Japanese and Korean"]


def test_a_machine_without_any_font_lacks_every_script(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    assert fonts.missing() == list(fonts.FAMILIES)
