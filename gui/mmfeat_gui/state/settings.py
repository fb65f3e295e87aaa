"""What the viewer remembers between runs, in a TOML file of the user's configuration folder.

Settings never stand in the way: a broken file is ignored, an unwritable folder is too.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path

import platformdirs

from mmfeat.errors import MmfeatError
from mmfeat.files import whole_file

_MOST_RECENT = 10
# The sections of a feature page that are unfolded where nobody has chosen.
UNFOLDED = ("activations", "numbers", "consistency", "neighbours", "bridge")


@dataclass
class Settings:
    """The user's choices.

    Attributes
    ----------
    language : str
        ``en``, ``ko`` or empty for that of the system.
    recent : list of str
        Paths of atlases, the latest first.
    colouring : str
        What the map's colours show.
    unfolded : list of str
        The sections of a feature page that are unfolded.
    backbones : dict of str to str
        Where backbones are that are not where an atlas says: by its SPEC, another.
    appearance : str
        ``light``, ``dark`` or ``system``.
    geometry : str
        Size and place of the window, in Base64.
    splitters : dict of str to str
        How its parts share the room, in Base64.
    """

    language: str = ""
    recent: list[str] = field(default_factory=list)
    colouring: str = "modality_score"
    unfolded: list[str] = field(default_factory=lambda: list(UNFOLDED))
    backbones: dict[str, str] = field(default_factory=dict)
    appearance: str = "system"
    geometry: str = ""
    splitters: dict[str, str] = field(default_factory=dict)

    def opened(self, path: Path) -> None:
        """Put an atlas first in the list of recent files."""
        name = str(path.absolute())
        self.recent = [name, *(other for other in self.recent if other != name)][:_MOST_RECENT]


def settings_path() -> Path:
    """Return where the settings live (``XDG_CONFIG_HOME`` on Linux)."""
    return Path(platformdirs.user_config_path("mmfeat", appauthor=False)) / "viewer.toml"


def load_settings(path: Path | None = None) -> Settings:
    """Read the settings; what is missing or of a wrong type keeps its default."""
    found = Settings()
    try:
        data = tomllib.loads((path or settings_path()).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return found
    for entry in fields(Settings):
        value = data.get(entry.name)
        default = getattr(found, entry.name)
        if isinstance(default, list) and isinstance(value, list):
            setattr(found, entry.name, [text for text in value if isinstance(text, str)])
        elif isinstance(default, dict) and isinstance(value, dict):
            texts = {key: text for key, text in value.items() if isinstance(text, str)}
            setattr(found, entry.name, texts)
        elif isinstance(default, str) and isinstance(value, str):
            setattr(found, entry.name, value)
    del found.recent[_MOST_RECENT:]
    return found


def save_settings(settings: Settings, path: Path | None = None) -> bool:
    """Write the settings and return whether that was possible."""
    lines = [
        f"{entry.name} = {_toml(getattr(settings, entry.name))}\n" for entry in fields(Settings)
    ]
    text = "".join(lines).replace("\x7f", "\\u007f")
    try:
        with whole_file(path or settings_path()) as temporary:
            temporary.write_bytes(text.encode("utf-8", "replace"))
    except (OSError, MmfeatError):
        return False
    return True


def _toml(value: str | list[str] | dict[str, str]) -> str:
    """Write a value; a JSON string or list of strings is one of TOML, but for delete characters."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(key)} = {_toml(text)}" for key, text in value.items()) + "}"
    return json.dumps(value, ensure_ascii=False)
