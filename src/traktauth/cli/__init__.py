"""The command line: parses arguments, calls the library, prints results, and returns exit statuses."""
