"""The campaigns damage what other tests hold as good examples."""

import sys
from pathlib import Path

_TESTS = Path(__file__).parents[1]
for _folder in ("unit/adapters/formats", "unit/adapters/vsphere", "unit/adapters/guest", "adapters/scaleway"):
    sys.path.append(str(_TESTS / _folder))
