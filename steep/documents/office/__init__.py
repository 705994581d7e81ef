"""Office documents: word processors, presentations, and PDF, scanned or not."""
