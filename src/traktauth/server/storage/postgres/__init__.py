"""PostgreSQL: several processes and machines serve one database.

A group of work costs as many round trips as its longest piece has statements: the pieces run in step (`steps`), and
what all of them ask at a time goes over the line together (`driver`). What concurrency asks of the rules:

* Transactions are READ COMMITTED. What a decision depends on is read with `Connection.held`: PostgreSQL keeps other
  transactions from that row until this one has ended, and `steps` keeps the other pieces of the same group from it. So
  of two that present one refresh token, code or device code, the second sees what the first has done to it.
* Whatever else must happen once is one statement that says so: `… WHERE refresh_ended IS NULL` (rotation, revocation),
  `… WHERE epoch = ?` (a replay kills the family that it has seen, and not what was signed in since),
  `ON CONFLICT DO NOTHING` (people, families, keys). Its count of rows tells who was first.
* A pair is issued with the epoch that its family had when that was read. Where the family is killed in between, the
  pair is born dead: as if it had been issued just before. No lock on the family is needed for that.
"""
