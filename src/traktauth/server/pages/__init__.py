"""What a person sees: sign in, sign up, consent, codes. Server-rendered; no script, nothing from elsewhere."""
