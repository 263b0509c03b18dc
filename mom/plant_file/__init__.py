"""The plant as a file: read with its lines, compared with what is stored, loaded whole, written back."""
