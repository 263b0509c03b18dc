"""Calls for help from a station: raised in two taps, taken, resolved, passed on when nobody comes."""
