"""A store as a registry: the OCI distribution API (distribution-spec 1.1) over its layout, and its HTTP server."""
