"""A proxy that holds the login of any program: the program gets access tokens, and placeholders for refresh tokens."""
