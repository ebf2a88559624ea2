"""What all tests share: one thread each, since they run side by side, and the same examples every time."""

import os

from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("same")
