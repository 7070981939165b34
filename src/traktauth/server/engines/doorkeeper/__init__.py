"""Ruby on Rails with Doorkeeper, as Trakt ran until July 2026 (profile `classic`)."""
