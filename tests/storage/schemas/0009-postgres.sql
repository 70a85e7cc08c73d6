CREATE FUNCTION audit_append_only() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN IF TG_OP = 'UPDATE' THEN IF (new.reason IS NULL AND ((old.action LIKE 'user.%' AND new.before IS NULL AND new.after IS NULL AND new.details = '{"erased":true}') OR ((old.action LIKE 'user.%' OR old.action LIKE 'order.%') AND new.before IS NOT DISTINCT FROM old.before AND new.after IS NOT DISTINCT FROM old.after AND new.details::jsonb IS NOT DISTINCT FROM old.details::jsonb - '{fulfilled_by,note}'::text[]))) AND new."id" IS NOT DISTINCT FROM old."id" AND new."at_us" IS NOT DISTINCT FROM old."at_us" AND new."actor" IS NOT DISTINCT FROM old."actor" AND new."action" IS NOT DISTINCT FROM old."action" AND new."target" IS NOT DISTINCT FROM old."target" AND new."address" IS NOT DISTINCT FROM old."address" AND new."request_id" IS NOT DISTINCT FROM old."request_id" THEN RETURN new; END IF; END IF; RAISE EXCEPTION 'audit: append-only' USING ERRCODE = 'restrict_violation'; END $$;
CREATE FUNCTION batch_parts_append_only() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN IF TG_OP = 'UPDATE' THEN IF (false) AND new."batch_id" IS NOT DISTINCT FROM old."batch_id" AND new."position" IS NOT DISTINCT FROM old."position" AND new."rows" IS NOT DISTINCT FROM old."rows" THEN RETURN new; END IF; END IF; RAISE EXCEPTION 'batch_parts: append-only' USING ERRCODE = 'restrict_violation'; END $$;
CREATE FUNCTION entries_append_only() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN IF TG_OP = 'UPDATE' THEN IF (false) AND new."id" IS NOT DISTINCT FROM old."id" AND new."account_id" IS NOT DISTINCT FROM old."account_id" AND new."version" IS NOT DISTINCT FROM old."version" AND new."kind" IS NOT DISTINCT FROM old."kind" AND new."amount" IS NOT DISTINCT FROM old."amount" AND new."settled_delta" IS NOT DISTINCT FROM old."settled_delta" AND new."held_delta" IS NOT DISTINCT FROM old."held_delta" AND new."settled_after" IS NOT DISTINCT FROM old."settled_after" AND new."held_after" IS NOT DISTINCT FROM old."held_after" AND new."at_us" IS NOT DISTINCT FROM old."at_us" AND new."actor" IS NOT DISTINCT FROM old."actor" AND new."reason" IS NOT DISTINCT FROM old."reason" AND new."label" IS NOT DISTINCT FROM old."label" AND new."metadata" IS NOT DISTINCT FROM old."metadata" AND new."user_key" IS NOT DISTINCT FROM old."user_key" AND new."request_id" IS NOT DISTINCT FROM old."request_id" AND new."reverses" IS NOT DISTINCT FROM old."reverses" AND new."peer" IS NOT DISTINCT FROM old."peer" AND new."hold_id" IS NOT DISTINCT FROM old."hold_id" AND new."hold_expires_at_us" IS NOT DISTINCT FROM old."hold_expires_at_us" AND new."hash" IS NOT DISTINCT FROM old."hash" AND new."origin" IS NOT DISTINCT FROM old."origin" THEN RETURN new; END IF; END IF; RAISE EXCEPTION 'entries: append-only' USING ERRCODE = 'restrict_violation'; END $$;
CREATE FUNCTION entry_lots_append_only() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN IF TG_OP = 'UPDATE' THEN IF (false) AND new."entry_id" IS NOT DISTINCT FROM old."entry_id" AND new."position" IS NOT DISTINCT FROM old."position" AND new."lot_id" IS NOT DISTINCT FROM old."lot_id" AND new."delta" IS NOT DISTINCT FROM old."delta" THEN RETURN new; END IF; END IF; RAISE EXCEPTION 'entry_lots: append-only' USING ERRCODE = 'restrict_violation'; END $$;
CREATE FUNCTION fulfilments_append_only() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN IF TG_OP = 'UPDATE' THEN IF (false) AND new."order_id" IS NOT DISTINCT FROM old."order_id" AND new."entry_id" IS NOT DISTINCT FROM old."entry_id" THEN RETURN new; END IF; END IF; RAISE EXCEPTION 'fulfilments: append-only' USING ERRCODE = 'restrict_violation'; END $$;
CREATE FUNCTION redemptions_append_only() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN IF TG_OP = 'UPDATE' THEN IF (new.address IS NULL) AND new."voucher_id" IS NOT DISTINCT FROM old."voucher_id" AND new."turn" IS NOT DISTINCT FROM old."turn" AND new."scope" IS NOT DISTINCT FROM old."scope" AND new."user_id" IS NOT DISTINCT FROM old."user_id" AND new."user_turn" IS NOT DISTINCT FROM old."user_turn" AND new."entry_id" IS NOT DISTINCT FROM old."entry_id" AND new."amount" IS NOT DISTINCT FROM old."amount" AND new."at_us" IS NOT DISTINCT FROM old."at_us" THEN RETURN new; END IF; END IF; RAISE EXCEPTION 'redemptions: append-only' USING ERRCODE = 'restrict_violation'; END $$;
CREATE FUNCTION reversals_append_only() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN IF TG_OP = 'UPDATE' THEN IF (false) AND new."entry_id" IS NOT DISTINCT FROM old."entry_id" AND new."reversed_by" IS NOT DISTINCT FROM old."reversed_by" THEN RETURN new; END IF; END IF; RAISE EXCEPTION 'reversals: append-only' USING ERRCODE = 'restrict_violation'; END $$;
CREATE SEQUENCE account_numbers
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
CREATE TABLE accounts (
    id bigint NOT NULL,
    user_id text NOT NULL COLLATE pg_catalog."C",
    unit text NOT NULL COLLATE pg_catalog."C",
    version bigint NOT NULL,
    settled bigint NOT NULL,
    held bigint NOT NULL,
    floor bigint,
    frozen bigint NOT NULL,
    last_hash text NOT NULL COLLATE pg_catalog."C",
    user_keys text COLLATE pg_catalog."C",
    changed_at_us bigint,
    created_at_us bigint NOT NULL,
    seal text NOT NULL COLLATE pg_catalog."C",
    low_threshold bigint,
    CONSTRAINT accounts_frozen CHECK ((frozen = ANY (ARRAY[(0)::bigint, (1)::bigint]))),
    CONSTRAINT accounts_held CHECK ((held >= 0))
);
CREATE TABLE alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE api_keys (
    key_id text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    hint text COLLATE pg_catalog."C",
    scopes text NOT NULL COLLATE pg_catalog."C",
    created_by text COLLATE pg_catalog."C",
    created_at_us bigint NOT NULL,
    last_used_at_us bigint,
    revoked_at_us bigint
);
CREATE TABLE attempts (
    id bigint NOT NULL,
    name text NOT NULL COLLATE pg_catalog."C",
    at_us bigint NOT NULL,
    is_open boolean NOT NULL
);
ALTER TABLE attempts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME attempts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE audit (
    id text NOT NULL COLLATE pg_catalog."C",
    at_us bigint NOT NULL,
    actor text NOT NULL COLLATE pg_catalog."C",
    action text NOT NULL COLLATE pg_catalog."C",
    target text COLLATE pg_catalog."C",
    reason text COLLATE pg_catalog."C",
    before text COLLATE pg_catalog."C",
    after text COLLATE pg_catalog."C",
    address text COLLATE pg_catalog."C",
    request_id text COLLATE pg_catalog."C",
    details text COLLATE pg_catalog."C"
);
CREATE TABLE batch_parts (
    batch_id text NOT NULL COLLATE pg_catalog."C",
    "position" bigint NOT NULL,
    rows text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE batches (
    id text NOT NULL COLLATE pg_catalog."C",
    key_scope text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    content text NOT NULL COLLATE pg_catalog."C",
    actor text NOT NULL COLLATE pg_catalog."C",
    reason text COLLATE pg_catalog."C",
    label text COLLATE pg_catalog."C",
    atomic bigint NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    rows bigint NOT NULL,
    created_at_us bigint NOT NULL,
    finished_at_us bigint,
    CONSTRAINT batches_atomic CHECK ((atomic = ANY (ARRAY[(0)::bigint, (1)::bigint]))),
    CONSTRAINT batches_state CHECK ((state = ANY (ARRAY['running'::text, 'applied'::text, 'reversed'::text, 'partly_reversed'::text])))
);
CREATE TABLE broadcast_spans (
    node text NOT NULL COLLATE pg_catalog."C",
    first_id text NOT NULL COLLATE pg_catalog."C",
    before_id text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE broadcasts (
    id text NOT NULL COLLATE pg_catalog."C",
    node text NOT NULL COLLATE pg_catalog."C",
    open bigint NOT NULL,
    shown bigint NOT NULL,
    hidden bigint NOT NULL,
    asleep bigint NOT NULL,
    gone bigint NOT NULL,
    behind bigint NOT NULL,
    first_ms bigint,
    last_ms bigint,
    browsers bigint NOT NULL,
    off bigint NOT NULL,
    settled bigint NOT NULL,
    details text NOT NULL COLLATE pg_catalog."C",
    CONSTRAINT broadcasts_settled CHECK ((settled = ANY (ARRAY[(0)::bigint, (1)::bigint])))
);
CREATE TABLE campaign_users (
    campaign_id text NOT NULL COLLATE pg_catalog."C",
    user_id text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE campaigns (
    id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    label text COLLATE pg_catalog."C",
    credits bigint NOT NULL,
    unit text NOT NULL COLLATE pg_catalog."C",
    validity_s bigint,
    starts_at_us bigint,
    ends_at_us bigint,
    max_per_code bigint,
    max_per_user bigint,
    prefix text COLLATE pg_catalog."C",
    word text COLLATE pg_catalog."C",
    listed bigint NOT NULL,
    welcome bigint NOT NULL,
    codes bigint NOT NULL,
    created_by text NOT NULL COLLATE pg_catalog."C",
    created_at_us bigint NOT NULL,
    CONSTRAINT campaigns_credits CHECK ((credits > 0))
);
CREATE TABLE entries (
    id text NOT NULL COLLATE pg_catalog."C",
    account_id bigint NOT NULL,
    version bigint NOT NULL,
    kind text NOT NULL COLLATE pg_catalog."C",
    amount bigint NOT NULL,
    settled_delta bigint NOT NULL,
    held_delta bigint NOT NULL,
    settled_after bigint NOT NULL,
    held_after bigint NOT NULL,
    at_us bigint NOT NULL,
    actor text NOT NULL COLLATE pg_catalog."C",
    reason text COLLATE pg_catalog."C",
    label text COLLATE pg_catalog."C",
    metadata text COLLATE pg_catalog."C",
    user_key text COLLATE pg_catalog."C",
    request_id text COLLATE pg_catalog."C",
    reverses text COLLATE pg_catalog."C",
    peer text COLLATE pg_catalog."C",
    hold_id text COLLATE pg_catalog."C",
    hold_expires_at_us bigint,
    hash text NOT NULL COLLATE pg_catalog."C",
    origin text COLLATE pg_catalog."C"
);
CREATE TABLE entry_lots (
    entry_id text NOT NULL COLLATE pg_catalog."C",
    "position" bigint NOT NULL,
    lot_id text NOT NULL COLLATE pg_catalog."C",
    delta bigint NOT NULL
);
CREATE TABLE fulfilments (
    order_id text NOT NULL COLLATE pg_catalog."C",
    entry_id text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE holds (
    id text NOT NULL COLLATE pg_catalog."C",
    account_id bigint NOT NULL,
    amount bigint NOT NULL,
    state text NOT NULL COLLATE pg_catalog."C",
    marks text NOT NULL COLLATE pg_catalog."C",
    captured bigint NOT NULL,
    expires_at_us bigint NOT NULL,
    created_at_us bigint NOT NULL,
    closed_at_us bigint,
    CONSTRAINT holds_state CHECK ((state = ANY (ARRAY['open'::text, 'captured'::text, 'released'::text])))
);
CREATE TABLE idempotency (
    scope text NOT NULL COLLATE pg_catalog."C",
    key text NOT NULL COLLATE pg_catalog."C",
    content text NOT NULL COLLATE pg_catalog."C",
    answer text NOT NULL COLLATE pg_catalog."C",
    created_at_us bigint NOT NULL
);
CREATE TABLE lots (
    id text NOT NULL COLLATE pg_catalog."C",
    account_id bigint NOT NULL,
    amount bigint NOT NULL,
    remaining bigint NOT NULL,
    earmarked bigint NOT NULL,
    priority bigint NOT NULL,
    expires_at_us bigint,
    source text COLLATE pg_catalog."C",
    born bigint NOT NULL,
    created_at_us bigint NOT NULL,
    CONSTRAINT lots_parts CHECK (((0 <= earmarked) AND (earmarked <= remaining) AND (remaining <= amount)))
);
CREATE TABLE meta (
    name text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE nodes (
    node_id text NOT NULL COLLATE pg_catalog."C",
    version text NOT NULL COLLATE pg_catalog."C",
    bus text NOT NULL COLLATE pg_catalog."C",
    is_serving boolean NOT NULL,
    secret_check text NOT NULL COLLATE pg_catalog."C",
    epoch text NOT NULL COLLATE pg_catalog."C",
    started_at_us bigint NOT NULL,
    seen_at_us bigint NOT NULL,
    lag_us bigint NOT NULL,
    screens bigint NOT NULL,
    users bigint NOT NULL,
    is_draining boolean NOT NULL,
    working_on text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE notices (
    id bigint NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    node text NOT NULL COLLATE pg_catalog."C",
    at_us bigint NOT NULL,
    body text NOT NULL COLLATE pg_catalog."C"
);
ALTER TABLE notices ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME notices_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE operator_sessions (
    session_id text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL COLLATE pg_catalog."C",
    operator_id text NOT NULL COLLATE pg_catalog."C",
    created_at_us bigint NOT NULL,
    expires_at_us bigint NOT NULL,
    last_seen_at_us bigint NOT NULL,
    address text COLLATE pg_catalog."C",
    user_agent text COLLATE pg_catalog."C"
);
CREATE TABLE operators (
    operator_id text NOT NULL COLLATE pg_catalog."C",
    email text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    role text NOT NULL COLLATE pg_catalog."C",
    password_digest text COLLATE pg_catalog."C",
    change_limit bigint,
    disabled_at_us bigint,
    created_at_us bigint NOT NULL,
    updated_at_us bigint NOT NULL
);
CREATE TABLE orders (
    id text NOT NULL COLLATE pg_catalog."C",
    user_id text NOT NULL COLLATE pg_catalog."C",
    package_id text NOT NULL COLLATE pg_catalog."C",
    package text NOT NULL COLLATE pg_catalog."C",
    unit text NOT NULL COLLATE pg_catalog."C",
    credits bigint NOT NULL,
    validity_s bigint,
    state text NOT NULL COLLATE pg_catalog."C",
    billing text COLLATE pg_catalog."C",
    purchase_reference text COLLATE pg_catalog."C",
    metadata text COLLATE pg_catalog."C",
    created_by text NOT NULL COLLATE pg_catalog."C",
    created_at_us bigint NOT NULL,
    entry_id text COLLATE pg_catalog."C",
    fulfilled_at_us bigint,
    fulfilled_by text COLLATE pg_catalog."C",
    claimed_by text COLLATE pg_catalog."C",
    note text COLLATE pg_catalog."C",
    cancelled_at_us bigint,
    cancelled_by text COLLATE pg_catalog."C",
    cancel_reason text COLLATE pg_catalog."C",
    refund_entry_id text COLLATE pg_catalog."C",
    refunded_at_us bigint,
    CONSTRAINT orders_entry CHECK (((state = ANY (ARRAY['fulfilled'::text, 'refunded'::text])) = (entry_id IS NOT NULL))),
    CONSTRAINT orders_state CHECK ((state = ANY (ARRAY['pending'::text, 'fulfilled'::text, 'cancelled'::text, 'refunded'::text])))
);
CREATE TABLE packages (
    id text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL COLLATE pg_catalog."C",
    credits bigint NOT NULL,
    unit text NOT NULL COLLATE pg_catalog."C",
    price_minor bigint NOT NULL,
    currency text NOT NULL COLLATE pg_catalog."C",
    validity_s bigint,
    active bigint NOT NULL,
    "position" bigint NOT NULL,
    description text COLLATE pg_catalog."C",
    created_at_us bigint NOT NULL,
    updated_at_us bigint NOT NULL,
    CONSTRAINT packages_active CHECK ((active = ANY (ARRAY[(0)::bigint, (1)::bigint]))),
    CONSTRAINT packages_amounts CHECK (((credits > 0) AND (price_minor >= 0)))
);
CREATE TABLE redemptions (
    voucher_id text NOT NULL COLLATE pg_catalog."C",
    turn bigint NOT NULL,
    scope text NOT NULL COLLATE pg_catalog."C",
    user_id text NOT NULL COLLATE pg_catalog."C",
    user_turn bigint NOT NULL,
    entry_id text NOT NULL COLLATE pg_catalog."C",
    amount bigint NOT NULL,
    at_us bigint NOT NULL,
    address text COLLATE pg_catalog."C"
);
CREATE TABLE resends (
    id text NOT NULL COLLATE pg_catalog."C",
    user_id text NOT NULL COLLATE pg_catalog."C",
    unit text NOT NULL COLLATE pg_catalog."C",
    version bigint NOT NULL,
    actor text NOT NULL COLLATE pg_catalog."C",
    at_us bigint NOT NULL
);
CREATE TABLE reversals (
    entry_id text NOT NULL COLLATE pg_catalog."C",
    reversed_by text NOT NULL COLLATE pg_catalog."C"
);
CREATE TABLE settings (
    name text NOT NULL COLLATE pg_catalog."C",
    value text NOT NULL COLLATE pg_catalog."C",
    updated_at_us bigint NOT NULL
);
CREATE TABLE sign_in_codes (
    digest text NOT NULL COLLATE pg_catalog."C",
    operator_id text NOT NULL COLLATE pg_catalog."C",
    created_at_us bigint NOT NULL,
    expires_at_us bigint NOT NULL,
    used_at_us bigint
);
CREATE TABLE units (
    name text NOT NULL COLLATE pg_catalog."C",
    scale bigint NOT NULL,
    low_threshold bigint,
    CONSTRAINT units_scale CHECK (((scale >= 0) AND (scale <= 9)))
);
CREATE TABLE users (
    user_id text NOT NULL COLLATE pg_catalog."C",
    name text COLLATE pg_catalog."C",
    email text COLLATE pg_catalog."C",
    metadata text COLLATE pg_catalog."C",
    token_generation bigint DEFAULT 0 NOT NULL,
    tokens_valid_from_us bigint,
    created_at_us bigint NOT NULL,
    updated_at_us bigint NOT NULL,
    receipts bigint DEFAULT 1 NOT NULL
);
CREATE TABLE vouchers (
    id text NOT NULL COLLATE pg_catalog."C",
    campaign_id text COLLATE pg_catalog."C",
    "position" bigint,
    code text NOT NULL COLLATE pg_catalog."C",
    digest text NOT NULL COLLATE pg_catalog."C",
    amount bigint,
    unit text COLLATE pg_catalog."C",
    user_id text COLLATE pg_catalog."C",
    ends_at_us bigint,
    max_redemptions bigint,
    redemptions bigint DEFAULT 0 NOT NULL,
    revoked_at_us bigint,
    created_by text NOT NULL COLLATE pg_catalog."C",
    created_at_us bigint NOT NULL,
    updated_at_us bigint NOT NULL,
    CONSTRAINT vouchers_redemptions CHECK (((0 <= redemptions) AND (redemptions <= max_redemptions))),
    CONSTRAINT vouchers_terms CHECK (((campaign_id IS NULL) = (amount IS NOT NULL)))
);
INSERT INTO accounts VALUES (1, 'ada', 'credits', 7, 18, 0, -5, 0, '5275620df7f31d6a411e0c80a57280f438f2fb8f9b4d883b141ced5d3ac3163d', NULL, 1795459711618484, 1795459711078526, '4f88effd34549fe359f78b2d754ea58674536dbc2a53f742c3afc7bf3f610854', NULL);
INSERT INTO accounts VALUES (2, 'bob', 'credits', 1, 2, 0, 0, 0, '1257010d0643ed925c722b443401182d773680f34b9b613d241e09eb253ceb18', NULL, 1795459711618484, 1795459711618484, '5c8ac42d69990c987cfe49c828aa2ec393b7aa7395f61eee90fdd45d5627465a', NULL);
INSERT INTO alembic_version VALUES ('0009');
INSERT INTO audit VALUES ('aud_01a209bd00667443a873ee5533e2cb5b', 1795459711078526, 'service:library', 'user.added', 'ada', NULL, NULL, '{"email":null,"floor":-5,"frozen":false,"low_threshold":null,"metadata":null,"name":"Ada","receipts":true}', NULL, NULL, '{"unit":"credits"}');
INSERT INTO audit VALUES ('aud_01a209bd01b5761882524dfce3dd9215', 1795459711413907, 'service:library', 'campaign.added', 'cmp_01a209bd01b5761882524dfc77e0b5eb', NULL, NULL, '{"codes":2,"credits":1,"ends_at_us":null,"label":null,"max_per_code":1,"max_per_user":null,"name":"c","prefix":null,"starts_at_us":null,"unit":"credits","validity_s":null,"welcome":false,"word":null}', NULL, NULL, NULL);
INSERT INTO audit VALUES ('aud_01a209bd01dd756ab046dc5339a6a4b5', 1795459711453527, 'service:library', 'voucher.added', 'vch_01a209bd01dd756ab046dc527f3c6157', NULL, NULL, '{"amount":5,"ends_at_us":null,"unit":"credits","user_id":null}', NULL, NULL, NULL);
INSERT INTO audit VALUES ('aud_01a209bd021670bc8fa963188824c2a1', 1795459711510134, 'service:library', 'package.added', 'pkg_01a209bd021670bc8fa963179ee2c17b', NULL, NULL, '{"active":true,"credits":7,"currency":"EUR","description":null,"id":"pkg_01a209bd021670bc8fa963179ee2c17b","name":"S","position":0,"price_minor":1,"unit":"credits","validity_s":null}', NULL, NULL, NULL);
INSERT INTO audit VALUES ('aud_01a209bd021b7290ba1e23d5d7136cee', 1795459711515845, 'service:library', 'order.placed', 'ada', NULL, NULL, NULL, NULL, NULL, '{"order":"ord_01a209bd021b7290ba1e23d4e55d47c7","package":"pkg_01a209bd021670bc8fa963179ee2c17b"}');
INSERT INTO audit VALUES ('aud_01a209bd022273aab2fe4713bf4dcf8a', 1795459711522823, 'service:library', 'order.fulfilled', 'ada', NULL, '{"credits":10,"held":0,"settled":10,"version":5}', '{"credits":17,"held":0,"settled":17,"version":6}', NULL, NULL, '{"amount":7,"entry":"ent_01a209bd022273aab2fe4712c35493c9","kind":"fulfil","order":"ord_01a209bd021b7290ba1e23d4e55d47c7","unit":"credits"}');
INSERT INTO audit VALUES ('aud_01a209bd0282773eb56f86e1b254e21c', 1795459711618484, 'service:library', 'batch.applied', 'bat_01a209bd025d76f2a4b0bc320012ee3a', NULL, NULL, NULL, NULL, NULL, '{"applied":2,"atomic":false,"label":null,"refused":0,"rows":2,"totals":{"credits":{"added":3,"net":3,"taken":0}}}');
INSERT INTO batch_parts VALUES ('bat_01a209bd025d76f2a4b0bc320012ee3a', 0, '[[1,"ada","credits","adjust",1,17,18,"ent_01a209bd0282732f971a388f753e7305",null,null],[2,"bob","credits","grant",2,0,2,"ent_01a209bd0282732f971a389031f71762",null,null]]');
INSERT INTO batches VALUES ('bat_01a209bd025d76f2a4b0bc320012ee3a', 'service', 'bat_01a209bd025d76f2a4b0bc320012ee3a', '6c836fd98e29a13b68b86854fc1d00820d054abd79616674eacc8d0dc7afe6e0', 'service:library', NULL, NULL, 0, 'applied', 2, 1795459711618484, 1795459711618484);
INSERT INTO campaigns VALUES ('cmp_01a209bd01b5761882524dfc77e0b5eb', 'c', NULL, 1, 'credits', NULL, NULL, NULL, 1, NULL, NULL, NULL, 0, 0, 2, 'service:library', 1795459711413907);
INSERT INTO entries VALUES ('ent_01a209bd019d7210852da10ac77594fe', 1, 1, 'grant', 10, 10, 0, 10, 0, 1795459711389572, 'service:library', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'be29fa4c0605b62565d5014a2a71925e421813cf012aaa5d91cf0a99a81fcbb5', NULL);
INSERT INTO entries VALUES ('ent_01a209bd01a674f7a4a00bb58a0205e3', 1, 2, 'spend', -3, -3, 0, 7, 0, 1795459711398268, 'service:library', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'ae9047ffcf58467bb8142b5e89bef7723b4ca438f3e5042e83684540967a1fd4', NULL);
INSERT INTO entries VALUES ('ent_01a209bd01a974ba8acb64c018b72b80', 1, 3, 'hold', 2, 0, 2, 7, 2, 1795459711401945, 'service:library', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'hld_01a209bd01a974ba8acb64bfff0f0c26', 1795460611401945, '9c5ec6e55344041e9458a4297d391c0584dbf02a93e4d8bb314a0604e7343e78', NULL);
INSERT INTO entries VALUES ('ent_01a209bd01ad768881345ffdc61c08ed', 1, 4, 'capture', -2, -2, -2, 5, 0, 1795459711405328, 'service:library', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'hld_01a209bd01a974ba8acb64bfff0f0c26', NULL, '668afa173a3cbbc15439656be862914277d5abb6e819db38a8ebbe19580d3656', NULL);
INSERT INTO entries VALUES ('ent_01a209bd020f74278f94566fc195827c', 1, 5, 'redeem', 5, 5, 0, 10, 0, 1795459711503965, 'service:library', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '68a96d43d6103c997384d494d8032f6904909b99b9d8925b6f3e25bcbbe5a20c', 'vch_01a209bd01dd756ab046dc527f3c6157');
INSERT INTO entries VALUES ('ent_01a209bd022273aab2fe4712c35493c9', 1, 6, 'fulfil', 7, 7, 0, 17, 0, 1795459711522823, 'service:library', NULL, 'Order · S', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'f0c97a1cad74ee7438206632d0f290e7fdfeac40ee75d9f8ff1b14ad450bf2b8', 'ord_01a209bd021b7290ba1e23d4e55d47c7');
INSERT INTO entries VALUES ('ent_01a209bd0282732f971a388f753e7305', 1, 7, 'adjust', 1, 1, 0, 18, 0, 1795459711618484, 'service:library', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '5275620df7f31d6a411e0c80a57280f438f2fb8f9b4d883b141ced5d3ac3163d', NULL);
INSERT INTO entries VALUES ('ent_01a209bd0282732f971a389031f71762', 2, 1, 'grant', 2, 2, 0, 2, 0, 1795459711618484, 'service:library', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '1257010d0643ed925c722b443401182d773680f34b9b613d241e09eb253ceb18', NULL);
INSERT INTO entry_lots VALUES ('ent_01a209bd019d7210852da10ac77594fe', 0, 'lot_01a209bd019d7210852da10a2b747319', 10);
INSERT INTO entry_lots VALUES ('ent_01a209bd01a674f7a4a00bb58a0205e3', 0, 'lot_01a209bd019d7210852da10a2b747319', -3);
INSERT INTO entry_lots VALUES ('ent_01a209bd01ad768881345ffdc61c08ed', 0, 'lot_01a209bd019d7210852da10a2b747319', -2);
INSERT INTO entry_lots VALUES ('ent_01a209bd020f74278f94566fc195827c', 0, 'lot_01a209bd020f74278f94566efe90c388', 5);
INSERT INTO entry_lots VALUES ('ent_01a209bd022273aab2fe4712c35493c9', 0, 'lot_01a209bd022273aab2fe471244a09c09', 7);
INSERT INTO entry_lots VALUES ('ent_01a209bd0282732f971a388f753e7305', 0, 'lot_01a209bd0282732f971a388ed3001930', 1);
INSERT INTO entry_lots VALUES ('ent_01a209bd0282732f971a389031f71762', 0, 'lot_01a209bd0282732f971a388fbfb39df5', 2);
INSERT INTO fulfilments VALUES ('ord_01a209bd021b7290ba1e23d4e55d47c7', 'ent_01a209bd022273aab2fe4712c35493c9');
INSERT INTO holds VALUES ('hld_01a209bd01a974ba8acb64bfff0f0c26', 1, 2, 'captured', '[]', 2, 1795460611401945, 1795459711401945, 1795459711405328);
INSERT INTO idempotency VALUES ('service', 'k', '2471c61b5c70df1e407ba25f51b50d5d252a3b3ac12a22f0a1da133b4ecd1488', '{"entry":"ent_01a209bd019d7210852da10ac77594fe","user_id":"ada","unit":"credits","kind":"grant","amount":10,"version":1,"settled":10,"held":0,"as_of":1795459711389572,"hold":null}', 1795459711389572);
INSERT INTO lots VALUES ('lot_01a209bd019d7210852da10a2b747319', 1, 10, 5, 0, 0, NULL, NULL, 1, 1795459711389572);
INSERT INTO lots VALUES ('lot_01a209bd020f74278f94566efe90c388', 1, 5, 5, 0, 0, NULL, 'vch_01a209bd01dd756ab046dc527f3c6157', 5, 1795459711503965);
INSERT INTO lots VALUES ('lot_01a209bd022273aab2fe471244a09c09', 1, 7, 7, 0, 0, NULL, 'ord_01a209bd021b7290ba1e23d4e55d47c7', 6, 1795459711522823);
INSERT INTO lots VALUES ('lot_01a209bd0282732f971a388ed3001930', 1, 1, 1, 0, 0, NULL, NULL, 7, 1795459711618484);
INSERT INTO lots VALUES ('lot_01a209bd0282732f971a388fbfb39df5', 2, 2, 2, 0, 0, NULL, NULL, 1, 1795459711618484);
INSERT INTO meta VALUES ('epoch', 'ep_4c71c139919e6cdc');
INSERT INTO meta VALUES ('voucher_key', 'c5d2ec182a21da4fa35e9d7b1e5780c99b066cce02d66051fda63e6d8df1c720');
INSERT INTO meta VALUES ('fits_from', '0009');
INSERT INTO notices OVERRIDING SYSTEM VALUE VALUES (1, '730', 'vm-245eca', 1795459711345275, '{"epoch":"ep_21938b75e644da4c","states":[["ada","credits",0,0,0,-5,false,null,null,null,0,[],false,false]],"lists":{"ada":["audit","users"]},"anew":["ada"]}');
INSERT INTO notices OVERRIDING SYSTEM VALUE VALUES (2, '731', 'vm-245eca', 1795459711397626, '{"epoch":"ep_21938b75e644da4c","states":[["ada","credits",1,10,0,-5,false,1795459711389572,["ent_01a209bd019d7210852da10ac77594fe","grant",10,null],null,0,[],false,false]],"entries":[["ent_01a209bd019d7210852da10ac77594fe","ada","credits",1]],"lists":{"ada":["history"]}}');
INSERT INTO notices OVERRIDING SYSTEM VALUE VALUES (3, '732', 'vm-245eca', 1795459711401422, '{"epoch":"ep_21938b75e644da4c","states":[["ada","credits",2,7,0,-5,false,1795459711398268,["ent_01a209bd01a674f7a4a00bb58a0205e3","spend",-3,null],null,0,[],false,false]],"entries":[["ent_01a209bd01a674f7a4a00bb58a0205e3","ada","credits",2]],"lists":{"ada":["history"]}}');
INSERT INTO notices OVERRIDING SYSTEM VALUE VALUES (4, '733', 'vm-245eca', 1795459711404721, '{"epoch":"ep_21938b75e644da4c","states":[["ada","credits",3,7,2,-5,false,1795459711401945,["ent_01a209bd01a974ba8acb64c018b72b80","hold",2,null],null,0,[],false,false]],"entries":[["ent_01a209bd01a974ba8acb64c018b72b80","ada","credits",3]],"lists":{"ada":["history"]},"due_us":1795460611401945}');
INSERT INTO notices OVERRIDING SYSTEM VALUE VALUES (5, '734', 'vm-245eca', 1795459711412686, '{"epoch":"ep_21938b75e644da4c","states":[["ada","credits",4,5,0,-5,false,1795459711405328,["ent_01a209bd01ad768881345ffdc61c08ed","capture",-2,null],null,0,[],false,false]],"entries":[["ent_01a209bd01ad768881345ffdc61c08ed","ada","credits",4]],"lists":{"ada":["history"]},"due_us":1795460611401945}');
INSERT INTO notices OVERRIDING SYSTEM VALUE VALUES (6, '735', 'vm-245eca', 1795459711418758, '{"epoch":"ep_21938b75e644da4c","lists":{"":["audit","vouchers"]}}');
INSERT INTO notices OVERRIDING SYSTEM VALUE VALUES (7, '736', 'vm-245eca', 1795459711438866, '{"epoch":"ep_21938b75e644da4c","lists":{"":["vouchers"]}}');
INSERT INTO notices OVERRIDING SYSTEM VALUE VALUES (8, '737', 'vm-245eca', 1795459711469687, '{"epoch":"ep_21938b75e644da4c","lists":{"":["audit","vouchers"]}}');
INSERT INTO notices OVERRIDING SYSTEM VALUE VALUES (9, '739', 'vm-245eca', 1795459711509267, '{"epoch":"ep_21938b75e644da4c","states":[["ada","credits",5,10,0,-5,false,1795459711503965,["ent_01a209bd020f74278f94566fc195827c","redeem",5,null],null,0,[],false,false]],"entries":[["ent_01a209bd020f74278f94566fc195827c","ada","credits",5]],"lists":{"ada":["history","vouchers"]},"due_us":1795460611401945}');
INSERT INTO notices OVERRIDING SYSTEM VALUE VALUES (10, '741', 'vm-245eca', 1795459711515616, '{"epoch":"ep_21938b75e644da4c","lists":{"":["audit","orders","packages"]}}');
INSERT INTO notices OVERRIDING SYSTEM VALUE VALUES (11, '742', 'vm-245eca', 1795459711522466, '{"epoch":"ep_21938b75e644da4c","lists":{"ada":["audit","orders"]}}');
INSERT INTO notices OVERRIDING SYSTEM VALUE VALUES (12, '743', 'vm-245eca', 1795459711576730, '{"epoch":"ep_21938b75e644da4c","states":[["ada","credits",6,17,0,-5,false,1795459711522823,["ent_01a209bd022273aab2fe4712c35493c9","fulfil",7,"Order · S"],null,0,[],false,false]],"entries":[["ent_01a209bd022273aab2fe4712c35493c9","ada","credits",6]],"lists":{"ada":["audit","history","orders"]},"due_us":1795460611401945}');
INSERT INTO notices OVERRIDING SYSTEM VALUE VALUES (13, '746', 'vm-245eca', 1795459711625671, '{"epoch":"ep_21938b75e644da4c","states":[["ada","credits",7,18,0,-5,false,1795459711618484,["ent_01a209bd0282732f971a388f753e7305","adjust",1,null],null,0,[],false,false],["bob","credits",1,2,0,0,false,1795459711618484,["ent_01a209bd0282732f971a389031f71762","grant",2,null],null,0,[],false,false]],"entries":[["ent_01a209bd0282732f971a388f753e7305","ada","credits",7],["ent_01a209bd0282732f971a389031f71762","bob","credits",1]],"lists":{"ada":["history"],"bob":["history","users"]},"due_us":1795460611401945}');
INSERT INTO orders VALUES ('ord_01a209bd021b7290ba1e23d4e55d47c7', 'ada', 'pkg_01a209bd021670bc8fa963179ee2c17b', '{"credits":7,"currency":"EUR","id":"pkg_01a209bd021670bc8fa963179ee2c17b","name":"S","price_minor":1,"unit":"credits","validity_s":null}', 'credits', 7, NULL, 'fulfilled', NULL, NULL, NULL, 'service:library', 1795459711515845, 'ent_01a209bd022273aab2fe4712c35493c9', 1795459711522823, 'service:library', NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO packages VALUES ('pkg_01a209bd021670bc8fa963179ee2c17b', 'S', 7, 'credits', 1, 'EUR', NULL, 1, 0, NULL, 1795459711510134, 1795459711510134);
INSERT INTO redemptions VALUES ('vch_01a209bd01dd756ab046dc527f3c6157', 1, 'vch_01a209bd01dd756ab046dc527f3c6157', 'ada', 1, 'ent_01a209bd020f74278f94566fc195827c', 5, 1795459711503965, NULL);
INSERT INTO units VALUES ('credits', 0, NULL);
INSERT INTO users VALUES ('ada', 'Ada', NULL, NULL, 0, NULL, 1795459711078526, 1795459711078526, 1);
INSERT INTO users VALUES ('bob', NULL, NULL, NULL, 0, NULL, 1795459711618484, 1795459711618484, 1);
INSERT INTO vouchers VALUES ('vch_01a209bd01c974fbb8b666112ee49be8', 'cmp_01a209bd01b5761882524dfc77e0b5eb', 0, 'RRFP-SQ6S-SFSQ-WBYN-T', 'b8bd725e4c359f058c47deb2289d5eb99e4a56b32078e76973d807aa68aef201', NULL, NULL, NULL, NULL, 1, 0, NULL, 'service:library', 1795459711433257, 1795459711433257);
INSERT INTO vouchers VALUES ('vch_01a209bd01c974fbb8b6661214f29d31', 'cmp_01a209bd01b5761882524dfc77e0b5eb', 1, 'CVW7-V9N2-A07V-YQPZ-E', 'd38f458bfcd2c55b058de2573635c347d38ba59f33f3340cd55d6eea2e7c69ad', NULL, NULL, NULL, NULL, 1, 0, NULL, 'service:library', 1795459711433257, 1795459711433257);
INSERT INTO vouchers VALUES ('vch_01a209bd01dd756ab046dc527f3c6157', NULL, NULL, 'W13E-0JND-CWPC-BB7C-H', '991da4de3eb6a6c4fb4a1711502f5af2cf1ab4e1349f89a70d6adb3ea4622cec', 5, 'credits', NULL, NULL, 1, 1, NULL, 'service:library', 1795459711453527, 1795459711453527);
SELECT pg_catalog.setval('account_numbers', 51, true);
SELECT pg_catalog.setval('attempts_id_seq', 1, true);
SELECT pg_catalog.setval('notices_id_seq', 13, true);
ALTER TABLE ONLY accounts
    ADD CONSTRAINT accounts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY accounts
    ADD CONSTRAINT accounts_user_unit UNIQUE (user_id, unit);
ALTER TABLE ONLY alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY api_keys
    ADD CONSTRAINT api_keys_digest_key UNIQUE (digest);
ALTER TABLE ONLY api_keys
    ADD CONSTRAINT api_keys_pkey PRIMARY KEY (key_id);
ALTER TABLE ONLY attempts
    ADD CONSTRAINT attempts_pkey PRIMARY KEY (id);
ALTER TABLE ONLY audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (id);
ALTER TABLE ONLY batch_parts
    ADD CONSTRAINT batch_parts_pkey PRIMARY KEY (batch_id, "position");
ALTER TABLE ONLY batches
    ADD CONSTRAINT batches_key UNIQUE (key_scope, key);
ALTER TABLE ONLY batches
    ADD CONSTRAINT batches_pkey PRIMARY KEY (id);
ALTER TABLE ONLY broadcast_spans
    ADD CONSTRAINT broadcast_spans_pkey PRIMARY KEY (node, first_id);
ALTER TABLE ONLY broadcasts
    ADD CONSTRAINT broadcasts_pkey PRIMARY KEY (id, node);
ALTER TABLE ONLY campaign_users
    ADD CONSTRAINT campaign_users_pkey PRIMARY KEY (campaign_id, user_id);
ALTER TABLE ONLY campaigns
    ADD CONSTRAINT campaigns_pkey PRIMARY KEY (id);
ALTER TABLE ONLY entries
    ADD CONSTRAINT entries_account_version UNIQUE (account_id, version);
ALTER TABLE ONLY entries
    ADD CONSTRAINT entries_pkey PRIMARY KEY (id);
ALTER TABLE ONLY entry_lots
    ADD CONSTRAINT entry_lots_pkey PRIMARY KEY (entry_id, "position");
ALTER TABLE ONLY fulfilments
    ADD CONSTRAINT fulfilments_entry_id_key UNIQUE (entry_id);
ALTER TABLE ONLY fulfilments
    ADD CONSTRAINT fulfilments_pkey PRIMARY KEY (order_id);
ALTER TABLE ONLY holds
    ADD CONSTRAINT holds_pkey PRIMARY KEY (id);
ALTER TABLE ONLY idempotency
    ADD CONSTRAINT idempotency_key UNIQUE (scope, key);
ALTER TABLE ONLY lots
    ADD CONSTRAINT lots_pkey PRIMARY KEY (id);
ALTER TABLE ONLY meta
    ADD CONSTRAINT meta_pkey PRIMARY KEY (name);
ALTER TABLE ONLY nodes
    ADD CONSTRAINT nodes_pkey PRIMARY KEY (node_id);
ALTER TABLE ONLY notices
    ADD CONSTRAINT notices_pkey PRIMARY KEY (id);
ALTER TABLE ONLY operator_sessions
    ADD CONSTRAINT operator_sessions_digest_key UNIQUE (digest);
ALTER TABLE ONLY operator_sessions
    ADD CONSTRAINT operator_sessions_pkey PRIMARY KEY (session_id);
ALTER TABLE ONLY operators
    ADD CONSTRAINT operators_email_key UNIQUE (email);
ALTER TABLE ONLY operators
    ADD CONSTRAINT operators_pkey PRIMARY KEY (operator_id);
ALTER TABLE ONLY orders
    ADD CONSTRAINT orders_pkey PRIMARY KEY (id);
ALTER TABLE ONLY packages
    ADD CONSTRAINT packages_pkey PRIMARY KEY (id);
ALTER TABLE ONLY redemptions
    ADD CONSTRAINT redemptions_entry_id_key UNIQUE (entry_id);
ALTER TABLE ONLY redemptions
    ADD CONSTRAINT redemptions_pkey PRIMARY KEY (voucher_id, turn);
ALTER TABLE ONLY redemptions
    ADD CONSTRAINT redemptions_user_turn UNIQUE (scope, user_id, user_turn);
ALTER TABLE ONLY resends
    ADD CONSTRAINT resends_pkey PRIMARY KEY (id);
ALTER TABLE ONLY reversals
    ADD CONSTRAINT reversals_pkey PRIMARY KEY (entry_id);
ALTER TABLE ONLY settings
    ADD CONSTRAINT settings_pkey PRIMARY KEY (name);
ALTER TABLE ONLY sign_in_codes
    ADD CONSTRAINT sign_in_codes_pkey PRIMARY KEY (digest);
ALTER TABLE ONLY units
    ADD CONSTRAINT units_pkey PRIMARY KEY (name);
ALTER TABLE ONLY users
    ADD CONSTRAINT users_pkey PRIMARY KEY (user_id);
ALTER TABLE ONLY vouchers
    ADD CONSTRAINT vouchers_digest_key UNIQUE (digest);
ALTER TABLE ONLY vouchers
    ADD CONSTRAINT vouchers_pkey PRIMARY KEY (id);
ALTER TABLE ONLY vouchers
    ADD CONSTRAINT vouchers_position UNIQUE (campaign_id, "position");
CREATE INDEX attempts_name ON attempts USING btree (name, at_us);
CREATE INDEX audit_actor ON audit USING btree (actor, id);
CREATE INDEX audit_target ON audit USING btree (target, id);
CREATE INDEX broadcasts_behind ON broadcasts USING btree (id) WHERE (behind > 0);
CREATE INDEX broadcasts_unsettled ON broadcasts USING btree (node) WHERE (settled = 0);
CREATE INDEX holds_account ON holds USING btree (account_id, id);
CREATE INDEX holds_due ON holds USING btree (expires_at_us) WHERE (state = 'open'::text);
CREATE INDEX holds_open ON holds USING btree (account_id) WHERE (state = 'open'::text);
CREATE INDEX ix_notices_xid ON notices USING btree (xid);
CREATE INDEX lots_burn_order ON lots USING btree (account_id, priority, COALESCE(expires_at_us, '9223372036854775807'::bigint), born, id) WHERE (remaining > 0);
CREATE INDEX lots_due ON lots USING btree (expires_at_us) WHERE ((expires_at_us IS NOT NULL) AND (remaining > earmarked));
CREATE INDEX lots_next_expiry ON lots USING btree (account_id, expires_at_us) WHERE ((expires_at_us IS NOT NULL) AND (remaining > earmarked));
CREATE INDEX operator_sessions_operator ON operator_sessions USING btree (operator_id);
CREATE INDEX orders_package ON orders USING btree (package_id);
CREATE INDEX orders_state ON orders USING btree (state, id);
CREATE INDEX orders_user ON orders USING btree (user_id, id);
CREATE INDEX redemptions_user ON redemptions USING btree (user_id, entry_id);
CREATE INDEX resends_user ON resends USING btree (user_id, id);
CREATE INDEX users_receipts ON users USING btree (user_id) WHERE (receipts = 0);
CREATE TRIGGER audit_no_rewriting BEFORE DELETE OR UPDATE ON audit FOR EACH ROW EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_no_truncating BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER batch_parts_no_rewriting BEFORE DELETE OR UPDATE ON batch_parts FOR EACH ROW EXECUTE FUNCTION batch_parts_append_only();
CREATE TRIGGER batch_parts_no_truncating BEFORE TRUNCATE ON batch_parts FOR EACH STATEMENT EXECUTE FUNCTION batch_parts_append_only();
CREATE TRIGGER entries_no_rewriting BEFORE DELETE OR UPDATE ON entries FOR EACH ROW EXECUTE FUNCTION entries_append_only();
CREATE TRIGGER entries_no_truncating BEFORE TRUNCATE ON entries FOR EACH STATEMENT EXECUTE FUNCTION entries_append_only();
CREATE TRIGGER entry_lots_no_rewriting BEFORE DELETE OR UPDATE ON entry_lots FOR EACH ROW EXECUTE FUNCTION entry_lots_append_only();
CREATE TRIGGER entry_lots_no_truncating BEFORE TRUNCATE ON entry_lots FOR EACH STATEMENT EXECUTE FUNCTION entry_lots_append_only();
CREATE TRIGGER fulfilments_no_rewriting BEFORE DELETE OR UPDATE ON fulfilments FOR EACH ROW EXECUTE FUNCTION fulfilments_append_only();
CREATE TRIGGER fulfilments_no_truncating BEFORE TRUNCATE ON fulfilments FOR EACH STATEMENT EXECUTE FUNCTION fulfilments_append_only();
CREATE TRIGGER redemptions_no_rewriting BEFORE DELETE OR UPDATE ON redemptions FOR EACH ROW EXECUTE FUNCTION redemptions_append_only();
CREATE TRIGGER redemptions_no_truncating BEFORE TRUNCATE ON redemptions FOR EACH STATEMENT EXECUTE FUNCTION redemptions_append_only();
CREATE TRIGGER reversals_no_rewriting BEFORE DELETE OR UPDATE ON reversals FOR EACH ROW EXECUTE FUNCTION reversals_append_only();
CREATE TRIGGER reversals_no_truncating BEFORE TRUNCATE ON reversals FOR EACH STATEMENT EXECUTE FUNCTION reversals_append_only();
ALTER TABLE ONLY accounts
    ADD CONSTRAINT accounts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id);
ALTER TABLE ONLY batch_parts
    ADD CONSTRAINT batch_parts_batch_id_fkey FOREIGN KEY (batch_id) REFERENCES batches(id);
ALTER TABLE ONLY campaign_users
    ADD CONSTRAINT campaign_users_campaign_id_fkey FOREIGN KEY (campaign_id) REFERENCES campaigns(id);
ALTER TABLE ONLY entries
    ADD CONSTRAINT entries_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);
ALTER TABLE ONLY entry_lots
    ADD CONSTRAINT entry_lots_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES entries(id);
ALTER TABLE ONLY entry_lots
    ADD CONSTRAINT entry_lots_lot_id_fkey FOREIGN KEY (lot_id) REFERENCES lots(id);
ALTER TABLE ONLY fulfilments
    ADD CONSTRAINT fulfilments_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES entries(id);
ALTER TABLE ONLY fulfilments
    ADD CONSTRAINT fulfilments_order_id_fkey FOREIGN KEY (order_id) REFERENCES orders(id);
ALTER TABLE ONLY holds
    ADD CONSTRAINT holds_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);
ALTER TABLE ONLY lots
    ADD CONSTRAINT lots_account_id_fkey FOREIGN KEY (account_id) REFERENCES accounts(id);
ALTER TABLE ONLY operator_sessions
    ADD CONSTRAINT operator_sessions_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES operators(operator_id);
ALTER TABLE ONLY orders
    ADD CONSTRAINT orders_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES entries(id);
ALTER TABLE ONLY orders
    ADD CONSTRAINT orders_refund_entry_id_fkey FOREIGN KEY (refund_entry_id) REFERENCES entries(id);
ALTER TABLE ONLY orders
    ADD CONSTRAINT orders_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id);
ALTER TABLE ONLY redemptions
    ADD CONSTRAINT redemptions_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES entries(id);
ALTER TABLE ONLY redemptions
    ADD CONSTRAINT redemptions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(user_id);
ALTER TABLE ONLY redemptions
    ADD CONSTRAINT redemptions_voucher_id_fkey FOREIGN KEY (voucher_id) REFERENCES vouchers(id);
ALTER TABLE ONLY reversals
    ADD CONSTRAINT reversals_entry_id_fkey FOREIGN KEY (entry_id) REFERENCES entries(id);
ALTER TABLE ONLY sign_in_codes
    ADD CONSTRAINT sign_in_codes_operator_id_fkey FOREIGN KEY (operator_id) REFERENCES operators(operator_id);
ALTER TABLE ONLY vouchers
    ADD CONSTRAINT vouchers_campaign_id_fkey FOREIGN KEY (campaign_id) REFERENCES campaigns(id);
