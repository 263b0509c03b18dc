"""What a plant agreed to do about a loss: who comes, how soon, with what authority, and who is next."""
