"""Runs over time: chosen, compared, gated, drawn, and written for other tools."""
