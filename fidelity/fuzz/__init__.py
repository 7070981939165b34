"""Random sequences of requests, sent to a real engine and to the local Trakt side by side."""
