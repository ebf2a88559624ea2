"""Training of networks: by playing the game, or on the choices of participants."""
