"""One decoder for each kind of image file, from file to integers."""
