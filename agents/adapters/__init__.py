"""Adapters: players that were written for something else, as agents."""
