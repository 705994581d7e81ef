"""Tables and records: rows, objects and the like, each a document."""
