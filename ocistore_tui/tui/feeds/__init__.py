"""What fills the two lists: questions to the engine in proportion to what is on the screen."""
