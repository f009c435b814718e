"""What a network makes of impulses: responses at one or many positions, at many amplitudes, after every layer."""
