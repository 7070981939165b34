"""The user's side of a sign-in: what is shown, the browser, the loopback redirect."""
