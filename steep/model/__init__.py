"""Model: load the base, choose precision, attach adapters."""
