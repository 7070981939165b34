"""The life cycle, once: generators that yield effects and return values; they do no I/O and read no clock."""
