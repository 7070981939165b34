"""What is done once a request's checks have all held."""
