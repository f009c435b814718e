"""How alike two images are: FSDS, PSNR and other differences, SSIM; FSDS and SSIM as losses."""
