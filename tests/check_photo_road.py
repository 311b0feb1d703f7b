"""Read the record of ``catsdogs train --json`` and fail unless both phases reach the expected test accuracy.

The floors allow one photo of the 300 more than the shipped run got wrong, because other
processors round differently.
"""

import json
import sys
from pathlib import Path

shipped = json.loads((Path(__file__).parent.parent / "models" / "run.json").read_text(encoding="utf-8"))
record = json.load(sys.stdin)
for phase in ("phase1", "phase2"):
    test = record[phase]["test"]
    allowed = shipped[phase]["test"]["errors"] + 1
    print(f"{phase}: test accuracy {test['accuracy']:.4f}, "
          f"{test['errors']} of {test['photos']} wrong ({allowed} allowed)")
    if test["photos"] != shipped[phase]["test"]["photos"] or test["errors"] > allowed:
        sys.exit(f"{phase} on photos is worse than the shipped run")
