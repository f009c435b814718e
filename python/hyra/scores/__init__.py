"""How alike two images are: FSDS and its loss, PSNR."""
