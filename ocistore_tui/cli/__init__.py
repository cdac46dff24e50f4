"""The headless program."""
