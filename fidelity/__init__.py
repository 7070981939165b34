"""What the real engines answer, and whether the local Trakt answers alike."""
