"""Adapters: policies, models and players with other interfaces as agents."""
