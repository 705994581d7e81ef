"""Documents: from files to clean, distinct, split records."""
