"""Means with their intervals, ranked, beside published ones."""
