"""The engines that Trakt runs, or ran, on: one package for each."""
