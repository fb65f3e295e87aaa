#!/usr/bin/env python3
"""Write data/openmoji_groups.tsv: the Unicode group and subgroup of every emoji.

The input is the npm package `emojibase-data` (MIT; derived from Unicode's
emoji-test.txt), unpacked: its `en/data.json` and `meta/groups.json`. Run once
for a new Unicode version; the result is tracked so that nobody else needs npm.

    npm pack emojibase-data && tar xzf emojibase-data-*.tgz
    python scripts/make_openmoji_groups.py package
"""

import argparse
import json
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("package", type=Path, help="the unpacked emojibase-data package")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(__file__).resolve().parents[1] / "data" / "openmoji_groups.tsv",
    )
    args = parser.parse_args()

    names = json.loads((args.package / "meta" / "groups.json").read_text("utf-8"))
    groups, subgroups = names["groups"], names["subgroups"]
    rows = {}
    for entry in json.loads((args.package / "en" / "data.json").read_text("utf-8")):
        if "group" not in entry:  # lone regional indicators belong to no group
            continue
        group, subgroup = groups[str(entry["group"])], subgroups[str(entry["subgroup"])]
        for variant in [entry, *entry.get("skins", [])]:
            rows[variant["hexcode"]] = f"{variant['hexcode']}\t{group}\t{subgroup}"
    lines = ["code_points\tgroup\tsubgroup", *(rows[key] for key in sorted(rows))]
    args.out.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    print(f"{len(rows)} emoji written to {args.out}")


if __name__ == "__main__":
    main()
