"""The auditor: what happened, worked out from the venue's evidence alone."""
