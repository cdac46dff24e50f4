"""Container images in object storage, in the layout of Docker's own registry, with no registry running."""

__version__ = "0.1.0"
