"""How requests are read and answers are written: as better-auth does, as Trakt does in front of it, as Doorkeeper does.

The rules behind a door are the profile's.
"""
