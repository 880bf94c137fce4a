"""Everything Redis: keys, the publisher, lanes, leases, commits."""
