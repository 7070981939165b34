"""The storage of clients, users, codes and tokens: rows, tables, and the database."""
