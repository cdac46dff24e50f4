"""What the tag detail and the inspector show, as lines and rows; no Textual."""
