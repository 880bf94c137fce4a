"""The benchmark: ours, the rivals and the ceiling, in one run on one machine against one stub venue."""
