"""A network's output as H + G: the linear, spatially invariant part and the rest."""
