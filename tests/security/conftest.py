"""The stage of `tests/http`, on a file, and in `make deep` on PostgreSQL as well."""

from tests.http.conftest import database_url, stage  # noqa: F401
