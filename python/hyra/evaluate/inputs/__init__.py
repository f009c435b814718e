"""What is evaluated: folders of images, manifests, networks."""
