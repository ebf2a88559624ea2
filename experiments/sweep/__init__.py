"""Sweeps: many runs of one config with changes, on the cores of this machine or on a cluster."""
