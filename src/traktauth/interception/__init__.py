"""Any program behind a CONNECT proxy: its supervision, its environment, and certificates of Trakt's hosts."""
