"""Networks and filters side by side."""
