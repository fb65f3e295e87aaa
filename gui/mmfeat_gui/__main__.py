"""Run the viewer: ``python -m mmfeat_gui [ATLAS]``."""

from __future__ import annotations

from mmfeat_gui.app import main

if __name__ == "__main__":
    raise SystemExit(main())
