"""What a test of a program that uses traktauth needs."""
