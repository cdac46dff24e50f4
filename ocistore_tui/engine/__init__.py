"""Plan, move, verify: what push, pull and listing do."""
