"""Container engines and image archives, as sources and targets of images."""
