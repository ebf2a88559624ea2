"""Choices on disk: BIDS data sets and tables, checked before they are loaded."""
