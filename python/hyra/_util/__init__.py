"""Helpers that every room may use: checks and their messages, optional extras, arrays, tables, warnings."""
