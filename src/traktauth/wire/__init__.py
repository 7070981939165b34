"""Trakt's OAuth on the wire, pure: values to a `Request`, a `Response` to values. No input, no output, no clock."""
