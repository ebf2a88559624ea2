"""The benchmark: every agent plays every scenario with common random numbers, and is scored."""
