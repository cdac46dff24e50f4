"""The terminal UI: a Textual application over the engine's `Service`. Sees model values only."""
