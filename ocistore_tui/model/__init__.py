"""Values: digests, references, manifests, plans, progress. Frozen, no input or output."""
