"""Alembic's entry: run the migrations on the connection that `storage.migrate` hands over.

The odd thing: it neither begins nor commits. SQLite takes schema changes into a transaction, and the caller's one
transaction around all of them is what makes an upgrade whole or nothing.
"""

from __future__ import annotations

from alembic import context

from livecredits.storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=False
)
context.run_migrations()
