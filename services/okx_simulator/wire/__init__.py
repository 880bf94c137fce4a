"""What travels: HTTP connections, requests, answers, refusals, and how numbers are spelled."""
