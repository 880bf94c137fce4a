"""One module per area of the REST interface; each maps a checked request to the rows of its answer."""
