"""REST for what the pages of the plant show: the same words, the same figures."""
