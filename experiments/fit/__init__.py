"""Fit learners to choices, one participant at a time or as a group, and tell which explains the choices best."""
