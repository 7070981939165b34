"""The configuration of a local Trakt: settings, seed files, and checks before it starts."""
