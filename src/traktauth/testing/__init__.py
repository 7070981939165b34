"""What a test of a program that uses traktauth needs."""

from traktauth.testing.contract import StoreContract

__all__ = ["StoreContract"]
