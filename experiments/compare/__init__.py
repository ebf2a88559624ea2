"""Humans and machines side by side: who finds valuing partners, and who is most like participants."""
