"""The ledger in a database: schema, migrations, the thread that writes, the queries that read, the check of it all."""
