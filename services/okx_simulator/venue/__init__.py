"""What the venue is: instruments, accounts, orders, matching, and the rules that are never kinder than OKX's."""
