"""Comparison of agents with people: learning curves, scores, stay/switch effects and predictive accuracy."""
