"""Measures of choices: scores, learning curves, stay/switch effects and intervals."""
