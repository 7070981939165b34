"""What a token is and whose: introspection, user information, Doorkeeper's token information."""
