"""What a user sees: sign in, sign up, consent, codes. Server-rendered; nothing from elsewhere, no script needed."""
