"""Planning: what a run will cost and whether it is the right tool, before anything is spent."""
