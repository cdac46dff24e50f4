"""Models of the lists, without any Textual: what rows there are, in which order, marked, filtered, compared."""
