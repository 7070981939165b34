"""What tests share: real engines, a local Trakt, a proxy that can be cut, a browser, other people's clients.

`tests/conftest.py` turns most of it into fixtures.
"""
