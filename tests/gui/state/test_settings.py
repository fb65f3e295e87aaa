from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from mmfeat_gui.state.settings import Settings, load_settings, save_settings, settings_path


def test_settings_come_back(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "viewer.toml"
    settings = Settings(
        language="ko",
        colouring="shared",
        unfolded=["names", "probes"],
        backbones={"open_clip:ViT-B-32/a": "/models/한국어 'clip'"},
        geometry="QUJD",
        splitters={"bench": "QUJD", "explorer": ""},
    )
    settings.opened(Path('/data/한국어 "atlas".h5'))
    settings.opened(Path("/data/tab\tand\x7f.h5"))
    assert save_settings(settings, path)
    assert load_settings(path) == settings
    assert tomllib.loads(path.read_text("utf-8"))["language"] == "ko"


@pytest.mark.parametrize(
    "content",
    [b"", b"not = = toml", b"\xff\xfe\x00", b"[" * 5000, b"recent = 3\nlanguage = ['x']\n"],
)
def test_broken_settings_are_ignored(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "viewer.toml"
    path.write_bytes(content)
    assert load_settings(path) == Settings()


def test_what_is_whole_in_a_half_broken_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "viewer.toml"
    path.write_text(
        "recent = ['/a.h5', 3]\nunfolded = [1, 'names']\n"
        "language = 'ko'\ncolouring = 4\nunknown = 1\n"
    )
    found = load_settings(path)
    assert (found.recent, found.unfolded) == (["/a.h5"], ["names"])
    assert (found.language, found.colouring) == ("ko", Settings().colouring)


def test_a_missing_or_unwritable_folder_stops_nothing(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "nowhere.toml") == Settings()
    (tmp_path / "file").write_text("in the way")
    assert not save_settings(Settings(), tmp_path / "file" / "viewer.toml")


def test_recent_files_are_unique_and_the_latest_is_first() -> None:
    settings = Settings()
    for index in range(12):
        settings.opened(Path(f"/{index}.h5"))
    settings.opened(Path("/5.h5"))
    assert settings.recent[:3] == ["/5.h5", "/11.h5", "/10.h5"]
    assert len(settings.recent) == len(set(settings.recent)) == 10


def test_settings_live_in_the_configuration_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platformdirs.user_config_path", lambda *a, **k: Path("/home/me/.config/x"))
    assert settings_path() == Path("/home/me/.config/x/viewer.toml")
