"""``mmfeat doctor``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from mmfeat.cli.common import AsJson, show
from mmfeat.doctor import examine


def doctor(as_json: AsJson = False) -> None:
    """Show what this machine has and lacks: GPU, fonts, Qt libraries, with the mend."""
    checks = examine(Path.cwd())
    if as_json:
        show({"checks": [asdict(check) for check in checks]}, True)
        return
    width = max(len(check.name) for check in checks)
    for check in checks:
        print(f"{'ok   ' if check.ok else 'lacks'}  {check.name:<{width}}  {check.found}")
        if check.mend:
            print(f"       {'':<{width}}  -> {check.mend}")
