"""What every result has in common: it is stored, read again and drawn."""
