"""The command line: arguments in, words and exit statuses out. Everything else is the library's."""
