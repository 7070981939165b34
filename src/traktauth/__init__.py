"""Sign in to Trakt once, and never lose the login."""
