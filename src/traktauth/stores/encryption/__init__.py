"""Encryption of stored records, and the change to another key."""
