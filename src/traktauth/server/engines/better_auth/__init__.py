"""better-auth's oauth-provider behind Trakt's paths, as Trakt runs since July 2026 (profile `current`)."""
