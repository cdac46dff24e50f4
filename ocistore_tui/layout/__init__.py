"""The registry v2 storage layout over the port."""
