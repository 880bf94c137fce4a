"""Putting the product to work: the demo, the documents made from code."""
