"""Recurrent networks: architectures, and the agent that plays with one."""
