"""Choices on disk: BIDS `beh` data sets and flat tables, read whole or refused with every fault."""
