CREATE TABLE meta (
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
)
 WITHOUT ROWID,
 STRICT;
CREATE TABLE units (
	name TEXT NOT NULL, 
	scale INTEGER NOT NULL, 
	PRIMARY KEY (name), 
	CONSTRAINT units_scale CHECK (scale BETWEEN 0 AND 9)
)
 WITHOUT ROWID,
 STRICT;
CREATE TABLE users (
	user_id TEXT NOT NULL, 
	name TEXT, 
	email TEXT, 
	metadata TEXT, 
	token_generation INTEGER DEFAULT 0 NOT NULL, 
	tokens_valid_from_us INTEGER, 
	created_at_us INTEGER NOT NULL, 
	updated_at_us INTEGER NOT NULL, 
	PRIMARY KEY (user_id)
)
 STRICT;
CREATE TABLE idempotency (
	scope TEXT NOT NULL, 
	"key" TEXT NOT NULL, 
	content TEXT NOT NULL, 
	answer TEXT NOT NULL, 
	created_at_us INTEGER NOT NULL, 
	CONSTRAINT idempotency_key UNIQUE (scope, "key")
)
 STRICT;
CREATE TABLE audit (
	id TEXT NOT NULL, 
	at_us INTEGER NOT NULL, 
	actor TEXT NOT NULL, 
	action TEXT NOT NULL, 
	target TEXT, 
	reason TEXT, 
	"before" TEXT, 
	"after" TEXT, 
	address TEXT, 
	request_id TEXT, 
	details TEXT, 
	PRIMARY KEY (id)
)
 STRICT;
CREATE INDEX audit_actor ON audit (actor, id);
CREATE INDEX audit_target ON audit (target, id);
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit: append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit: append-only'); END;
CREATE TABLE operators (
	operator_id TEXT NOT NULL, 
	email TEXT NOT NULL, 
	name TEXT NOT NULL, 
	role TEXT NOT NULL, 
	password_digest TEXT, 
	change_limit INTEGER, 
	disabled_at_us INTEGER, 
	created_at_us INTEGER NOT NULL, 
	updated_at_us INTEGER NOT NULL, 
	PRIMARY KEY (operator_id), 
	UNIQUE (email)
)
 STRICT;
CREATE TABLE api_keys (
	key_id TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	name TEXT NOT NULL, 
	hint TEXT, 
	scopes TEXT NOT NULL, 
	created_by TEXT, 
	created_at_us INTEGER NOT NULL, 
	last_used_at_us INTEGER, 
	revoked_at_us INTEGER, 
	PRIMARY KEY (key_id), 
	UNIQUE (digest)
)
 STRICT;
CREATE TABLE accounts (
	id INTEGER NOT NULL, 
	user_id TEXT NOT NULL, 
	unit TEXT NOT NULL, 
	version INTEGER NOT NULL, 
	settled INTEGER NOT NULL, 
	held INTEGER NOT NULL, 
	floor INTEGER, 
	frozen INTEGER NOT NULL, 
	last_hash TEXT NOT NULL, 
	user_keys TEXT, 
	changed_at_us INTEGER, 
	created_at_us INTEGER NOT NULL, 
	seal TEXT NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT accounts_user_unit UNIQUE (user_id, unit), 
	CONSTRAINT accounts_held CHECK (held >= 0), 
	CONSTRAINT accounts_frozen CHECK (frozen IN (0, 1)), 
	FOREIGN KEY(user_id) REFERENCES users (user_id)
)
 STRICT;
CREATE TABLE operator_sessions (
	session_id TEXT NOT NULL, 
	digest TEXT NOT NULL, 
	operator_id TEXT NOT NULL, 
	created_at_us INTEGER NOT NULL, 
	expires_at_us INTEGER NOT NULL, 
	last_seen_at_us INTEGER NOT NULL, 
	address TEXT, 
	user_agent TEXT, 
	PRIMARY KEY (session_id), 
	UNIQUE (digest), 
	FOREIGN KEY(operator_id) REFERENCES operators (operator_id)
)
 STRICT;
CREATE INDEX operator_sessions_operator ON operator_sessions (operator_id);
CREATE TABLE sign_in_codes (
	digest TEXT NOT NULL, 
	operator_id TEXT NOT NULL, 
	created_at_us INTEGER NOT NULL, 
	expires_at_us INTEGER NOT NULL, 
	used_at_us INTEGER, 
	PRIMARY KEY (digest), 
	FOREIGN KEY(operator_id) REFERENCES operators (operator_id)
)
 STRICT;
CREATE TABLE entries (
	id TEXT NOT NULL, 
	account_id INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	kind TEXT NOT NULL, 
	amount INTEGER NOT NULL, 
	settled_delta INTEGER NOT NULL, 
	held_delta INTEGER NOT NULL, 
	settled_after INTEGER NOT NULL, 
	held_after INTEGER NOT NULL, 
	at_us INTEGER NOT NULL, 
	actor TEXT NOT NULL, 
	reason TEXT, 
	label TEXT, 
	metadata TEXT, 
	user_key TEXT, 
	request_id TEXT, 
	reverses TEXT, 
	peer TEXT, 
	hold_id TEXT, 
	hold_expires_at_us INTEGER, 
	hash TEXT NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT entries_account_version UNIQUE (account_id, version), 
	FOREIGN KEY(account_id) REFERENCES accounts (id)
)
 STRICT;
CREATE TRIGGER entries_no_update BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, 'entries: append-only'); END;
CREATE TRIGGER entries_no_delete BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, 'entries: append-only'); END;
CREATE TABLE lots (
	id TEXT NOT NULL, 
	account_id INTEGER NOT NULL, 
	amount INTEGER NOT NULL, 
	remaining INTEGER NOT NULL, 
	earmarked INTEGER NOT NULL, 
	priority INTEGER NOT NULL, 
	expires_at_us INTEGER, 
	source TEXT, 
	born INTEGER NOT NULL, 
	created_at_us INTEGER NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT lots_parts CHECK (0 <= earmarked AND earmarked <= remaining AND remaining <= amount), 
	FOREIGN KEY(account_id) REFERENCES accounts (id)
)
 STRICT;
CREATE INDEX lots_burn_order ON lots (account_id, priority, coalesce(expires_at_us, 9223372036854775807), born, id) WHERE remaining > 0;
CREATE INDEX lots_due ON lots (expires_at_us) WHERE expires_at_us IS NOT NULL AND remaining > earmarked;
CREATE INDEX lots_next_expiry ON lots (account_id, expires_at_us) WHERE expires_at_us IS NOT NULL AND remaining > earmarked;
CREATE TABLE holds (
	id TEXT NOT NULL, 
	account_id INTEGER NOT NULL, 
	amount INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	marks TEXT NOT NULL, 
	captured INTEGER NOT NULL, 
	expires_at_us INTEGER NOT NULL, 
	created_at_us INTEGER NOT NULL, 
	closed_at_us INTEGER, 
	PRIMARY KEY (id), 
	CONSTRAINT holds_state CHECK (state IN ('open', 'captured', 'released')), 
	FOREIGN KEY(account_id) REFERENCES accounts (id)
)
 STRICT;
CREATE INDEX holds_account ON holds (account_id, id);
CREATE INDEX holds_due ON holds (expires_at_us) WHERE state = 'open';
CREATE INDEX holds_open ON holds (account_id) WHERE state = 'open';
CREATE TABLE entry_lots (
	entry_id TEXT NOT NULL, 
	position INTEGER NOT NULL, 
	lot_id TEXT NOT NULL, 
	delta INTEGER NOT NULL, 
	PRIMARY KEY (entry_id, position), 
	FOREIGN KEY(entry_id) REFERENCES entries (id), 
	FOREIGN KEY(lot_id) REFERENCES lots (id)
)
 WITHOUT ROWID,
 STRICT;
CREATE TRIGGER entry_lots_no_update BEFORE UPDATE ON entry_lots BEGIN SELECT RAISE(ABORT, 'entry_lots: append-only'); END;
CREATE TRIGGER entry_lots_no_delete BEFORE DELETE ON entry_lots BEGIN SELECT RAISE(ABORT, 'entry_lots: append-only'); END;
CREATE TABLE reversals (
	entry_id TEXT NOT NULL, 
	reversed_by TEXT NOT NULL, 
	PRIMARY KEY (entry_id), 
	FOREIGN KEY(entry_id) REFERENCES entries (id)
)
 WITHOUT ROWID,
 STRICT;
CREATE TRIGGER reversals_no_update BEFORE UPDATE ON reversals BEGIN SELECT RAISE(ABORT, 'reversals: append-only'); END;
CREATE TRIGGER reversals_no_delete BEFORE DELETE ON reversals BEGIN SELECT RAISE(ABORT, 'reversals: append-only'); END;
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num));
