"""What one does with the game and its players: play, score, fit, train, compare, report; and the command line.

Nothing is imported here, so that `accept-reject --help` answers at once.
"""
