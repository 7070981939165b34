"""A Trakt login for the HTTP client that a program already has: one module for each library.

Each object here puts a usable access token on requests to the API, and sends a request once more with another token if
the API rejects the first (`traktauth.Attempt`). It keeps no state between requests: threads, tasks and event loops may
share one.
"""
