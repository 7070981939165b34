from traktauth.stores.database import DatabaseStore
from traktauth.stores.sqlite.performing import SqliteDatabase
from traktauth.testing import StoreContract


class TestSqlite(StoreContract):
    def open_store(self, place):
        return DatabaseStore(SqliteDatabase(str(place / "logins.db")))
