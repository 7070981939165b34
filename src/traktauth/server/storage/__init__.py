"""Where apps, people, codes and tokens rest: records, portable tables, and one file for each database."""
