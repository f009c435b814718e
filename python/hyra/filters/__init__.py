"""Linear, spatially invariant filters: windows, sinc, impulse responses, transfer functions, low-pass upsampling."""
