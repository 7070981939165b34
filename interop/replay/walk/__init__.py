"""Stories made up at random, told to a real engine and to the local Trakt side by side."""
