"""Import and export: logins of other programs, and a login for another program."""
