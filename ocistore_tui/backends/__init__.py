"""Bytes by key: the storage port and one adapter per store."""
