"""Makes the oracle of single neurons importable; one thread is enough here."""

import sys
from pathlib import Path

ORACLES = str(Path(__file__).parents[2] / "oracles")
if ORACLES not in sys.path:
    sys.path.append(ORACLES)
