"""Reading the plant's own spreadsheets, XLSX or CSV, row by row: what was read, and what was expected instead."""
