"""Any super-resolution network as a safe map from images to images: its sizes, how far it looks, tiles."""
