"""Benchmark: every agent plays every scenario on the same drawn luck, and is scored."""
