"""The local Trakt: an OAuth server that answers as Trakt does."""
