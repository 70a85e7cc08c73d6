#!/bin/sh
# Makes the role that the nodes serve as, or gives it a new password. `livecredits migrate --app-role` gives it its rights:
# it makes no tables, and rewrites nothing that is append-only. The image of PostgreSQL runs this once, when the database is
# made; with a database that was there before, or after a change of the password, run it by hand:
#
#     docker compose -f deploy/compose.yaml exec database sh /docker-entrypoint-initdb.d/roles.sh
set -eu
psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    --set password="$POSTGRES_APP_PASSWORD" <<'SQL'
SELECT 'CREATE ROLE livecredits_app' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'livecredits_app') \gexec
ALTER ROLE livecredits_app LOGIN PASSWORD :'password';
SQL
