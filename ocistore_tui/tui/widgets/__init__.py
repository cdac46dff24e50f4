"""Widgets of our own. None of them asks the engine anything."""
