"""Agents that play drawn episodes or replay recorded choices, and simulated populations."""
