"""Tokens in Redis: for programs on many machines. How durable they are is the server's setting, not ours."""
