"""Threads are set on purpose: tests run side by side, each on one core."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
