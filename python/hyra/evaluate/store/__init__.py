"""What was measured, in a SQLite file: scores by content, runs, and the files of several put together."""
