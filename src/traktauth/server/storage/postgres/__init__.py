"""PostgreSQL: several processes and machines serve one database.

Each request is one plain transaction on the connection of a worker thread. What concurrency asks of the rules:

* Transactions are READ COMMITTED. A row that a decision depends on is read with `Connection.select_for_update`, which
  keeps other transactions from it. So of two requests with one refresh token, code or device code, the second sees what
  the first has changed.
* Whatever else must happen once is one statement that says so: `… WHERE refresh_ended IS NULL` (rotation, revocation),
  `… WHERE epoch = ?` (a replay revokes the family as it was, not what was signed in since), `ON CONFLICT DO NOTHING`
  (users, families, keys). Its number of rows tells who was first.
* A token pair is issued with the epoch that its family had when that was read. If the family is revoked in between, the
  pair is revoked from the start, as if it had been issued just before. That needs no lock on the family.
"""
