"""The life cycle, once: generators that yield effects and return values. No input, no output, no clock of their own."""
