"""Drivers that perform the effects of flows, blocking and async, and what they share."""
