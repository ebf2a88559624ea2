"""The benchmark: every agent plays every scenario on common random numbers, and is scored."""
