"""The real components the tests run against; each is started by the tests, on the loopback, and ended by them."""
