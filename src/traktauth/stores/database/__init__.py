"""What the stores on a database share: rows, commands, leases, and the operations that use them."""
