"""Trakt's OAuth on the wire, pure: values to a `Request`, a `Reply` to values. No input, no output, no clock."""
