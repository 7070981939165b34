"""Implement `traktauth status`: read the logins of a store and print them."""
