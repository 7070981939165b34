"""The storage of clients, users, codes and tokens: rows, repositories, and one package for each database."""
