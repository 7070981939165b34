"""Where tokens rest. A store keeps two promises: the right to send is given once, and no pair replaces a newer one."""
