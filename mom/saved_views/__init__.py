"""Filters of a list that a person keeps under a name, for themselves or for everyone of a line."""
