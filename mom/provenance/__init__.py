"""What a shown figure was made of: formula, definition, versions, inputs, exclusions, edits, data quality."""
