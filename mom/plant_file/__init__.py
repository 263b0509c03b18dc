"""The plant as a file: read with line numbers, compared with what is stored, loaded all or nothing, written back."""
