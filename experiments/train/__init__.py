"""Training of recurrent agents: on the game itself, or on choices that were made."""
