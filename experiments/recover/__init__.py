"""Parameter and model recovery, for designs with different numbers of rounds and participants."""
