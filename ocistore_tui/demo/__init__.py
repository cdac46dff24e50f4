"""Something to try the program on: small real images made here, no cloud, no Docker, no download."""
