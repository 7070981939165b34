"""Rules that a request for tokens is held to; profiles put them in order and say what breaking one is answered with."""
