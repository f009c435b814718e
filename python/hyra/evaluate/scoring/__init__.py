"""The scores of an evaluation, by name: of this package, of spectra, and of other packages."""
