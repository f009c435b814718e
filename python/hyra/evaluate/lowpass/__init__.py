"""Networks and filters side by side: which is the best low-pass filter, and at which cut-off one is best."""
