-- Times are milliseconds since 1970-01-01 UTC, hours are whole hours since then.
-- Ids of people are never given twice (AUTOINCREMENT), so that an old note
-- about recipient 17 can't come to mean somebody else.

CREATE TABLE installation (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE accounts (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    tracking_mode TEXT NOT NULL DEFAULT 'active' CHECK (tracking_mode IN ('active', 'consent', 'off')),
    tracking_changed_at INTEGER,
    tracking_changed_by TEXT,
    count_anonymously INTEGER NOT NULL DEFAULT 1 CHECK (count_anonymously IN (0, 1)),
    remember_objections INTEGER NOT NULL DEFAULT 1 CHECK (remember_objections IN (0, 1)),
    recipient_count INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE users (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    roles INTEGER NOT NULL,
    password_hash TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX users_by_account ON users (account_id, id);

-- Only a hash of the key in the cookie is stored: who reads the table can't sign in with it.
CREATE TABLE sessions (
    key_hash BLOB NOT NULL PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_by_user ON sessions (user_id);

CREATE TABLE groups (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    member_count INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    UNIQUE (account_id, name_key)
) STRICT;

CREATE TABLE recipients (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    address_key TEXT NOT NULL,
    search_text TEXT NOT NULL,
    first_name TEXT NOT NULL DEFAULT '',
    last_name TEXT NOT NULL DEFAULT '',
    fields TEXT NOT NULL DEFAULT '{}',
    status TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'unsubscribed', 'bounced')),
    status_changed_at INTEGER,
    status_source TEXT,
    tracking TEXT NOT NULL DEFAULT 'unset' CHECK (tracking IN ('unset', 'consented', 'objected')),
    tracking_changed_at INTEGER,
    tracking_source TEXT,
    public_key BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (account_id, address_key)
) STRICT;
CREATE INDEX recipients_by_account ON recipients (account_id, id);
CREATE INDEX recipients_by_status ON recipients (account_id, status, id);

-- The search's index; kept by db/search, in the transaction that changes the recipient.
CREATE VIRTUAL TABLE recipient_search USING fts5 (
    search_text,
    content = 'recipients',
    content_rowid = 'id',
    tokenize = 'trigram case_sensitive 1',
    detail = none
);
INSERT INTO recipient_search (recipient_search, rank) VALUES ('secure-delete', 1);

CREATE TABLE memberships (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    group_id INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    recipient_id INTEGER NOT NULL REFERENCES recipients (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, group_id, recipient_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_by_recipient ON memberships (recipient_id, group_id);
CREATE INDEX memberships_by_group ON memberships (group_id);

-- Objections and unsubscriptions that outlive the recipient (rule P9).
CREATE TABLE objections (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('objection', 'unsubscription')),
    address_hmac BLOB NOT NULL,
    made_at INTEGER NOT NULL,
    source TEXT NOT NULL,
    PRIMARY KEY (account_id, kind, address_hmac)
) STRICT, WITHOUT ROWID;

CREATE TABLE mailings (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    subject TEXT NOT NULL,
    sender_name TEXT NOT NULL,
    sender_address TEXT NOT NULL,
    html TEXT NOT NULL,
    text TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'preparing', 'sending', 'sent')),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    send_started_at INTEGER,
    sent_at INTEGER,
    -- Counters kept while writing: a report costs the same for a thousand and for ten million.
    deliveries INTEGER NOT NULL DEFAULT 0,
    handed INTEGER NOT NULL DEFAULT 0,
    handed_personal INTEGER NOT NULL DEFAULT 0,
    handed_anonymous INTEGER NOT NULL DEFAULT 0,
    uncertain INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    cancelled INTEGER NOT NULL DEFAULT 0,
    bounces INTEGER NOT NULL DEFAULT 0,
    unsubscriptions INTEGER NOT NULL DEFAULT 0,
    objections INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX mailings_by_account ON mailings (account_id, status, id);

CREATE TABLE mailing_groups (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    mailing_id INTEGER NOT NULL REFERENCES mailings (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    group_id INTEGER REFERENCES groups (id) ON DELETE SET NULL,
    -- As it was called when the mailing was sent.
    group_name TEXT NOT NULL,
    PRIMARY KEY (account_id, mailing_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX mailing_groups_by_group ON mailing_groups (group_id);

CREATE TABLE mailing_links (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    mailing_id INTEGER NOT NULL REFERENCES mailings (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    url TEXT NOT NULL,
    PRIMARY KEY (mailing_id, number)
) STRICT, WITHOUT ROWID;

-- The only place where a mailing and a recipient meet. A delivery belongs to a
-- recipient or carries a pseudonym, never both, never neither (rule P6).
CREATE TABLE deliveries (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    mailing_id INTEGER NOT NULL REFERENCES mailings (id) ON DELETE CASCADE,
    recipient_id INTEGER REFERENCES recipients (id) ON DELETE RESTRICT,
    pseudonym BLOB,
    -- What the mail's pixel and links carry; none where nothing personal is measured.
    token_key BLOB UNIQUE,
    -- The decision of the rendering, frozen (rule P1); none until the mail is rendered.
    policy TEXT CHECK (policy IN ('personal', 'anonymous', 'nothing')),
    status TEXT NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'claimed', 'handed', 'uncertain', 'failed', 'cancelled')),
    handed_at INTEGER,
    first_open_at INTEGER,
    last_open_at INTEGER,
    opens INTEGER NOT NULL DEFAULT 0,
    first_click_at INTEGER,
    last_click_at INTEGER,
    clicks INTEGER NOT NULL DEFAULT 0,
    UNIQUE (mailing_id, recipient_id),
    UNIQUE (mailing_id, pseudonym),
    CHECK ((recipient_id IS NULL) <> (pseudonym IS NULL))
) STRICT;
CREATE INDEX deliveries_by_recipient ON deliveries (recipient_id, mailing_id) WHERE recipient_id IS NOT NULL;
-- Sending works through the open ones by recipient: an order the ids don't know.
CREATE INDEX deliveries_open ON deliveries (mailing_id, status, recipient_id) WHERE status IN ('pending', 'claimed');

-- How often something happened to a delivery within one hour.
CREATE TABLE events (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    delivery_id INTEGER NOT NULL REFERENCES deliveries (id) ON DELETE CASCADE,
    kind INTEGER NOT NULL CHECK (kind IN (0, 1)),
    link INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    device INTEGER NOT NULL,
    automatic INTEGER NOT NULL CHECK (automatic IN (0, 1)),
    n INTEGER NOT NULL,
    PRIMARY KEY (delivery_id, kind, link, hour, device, automatic)
) STRICT, WITHOUT ROWID;

-- Reports read these. For clicks, link 0 sums up all links of the mailing.
CREATE TABLE mailing_hours (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    mailing_id INTEGER NOT NULL REFERENCES mailings (id) ON DELETE CASCADE,
    kind INTEGER NOT NULL CHECK (kind IN (0, 1)),
    link INTEGER NOT NULL,
    hour INTEGER NOT NULL,
    personal INTEGER NOT NULL DEFAULT 0,
    firsts INTEGER NOT NULL DEFAULT 0,
    anonymous INTEGER NOT NULL DEFAULT 0,
    automatic INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (mailing_id, kind, link, hour)
) STRICT, WITHOUT ROWID;

CREATE TABLE mailing_devices (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    mailing_id INTEGER NOT NULL REFERENCES mailings (id) ON DELETE CASCADE,
    kind INTEGER NOT NULL CHECK (kind IN (0, 1)),
    device INTEGER NOT NULL,
    n INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (mailing_id, kind, device)
) STRICT, WITHOUT ROWID;

-- Mails handed to the built-in outbox; the file lies in the data directory.
CREATE TABLE outbox_mails (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    mailing_id INTEGER NOT NULL REFERENCES mailings (id) ON DELETE CASCADE,
    recipient_id INTEGER NOT NULL REFERENCES recipients (id) ON DELETE CASCADE,
    file TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    UNIQUE (mailing_id, recipient_id)
) STRICT;
CREATE INDEX outbox_mails_by_account ON outbox_mails (account_id, id);
CREATE INDEX outbox_mails_by_recipient ON outbox_mails (recipient_id);

CREATE TABLE imports (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    user_id INTEGER REFERENCES users (id) ON DELETE SET NULL,
    group_id INTEGER REFERENCES groups (id) ON DELETE SET NULL,
    file_name TEXT NOT NULL,
    size INTEGER NOT NULL,
    -- Dialect and column mapping, as JSON.
    settings TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('uploaded', 'running', 'done', 'failed', 'cancelled')),
    problem TEXT,
    bytes_read INTEGER NOT NULL DEFAULT 0,
    rows_read INTEGER NOT NULL DEFAULT 0,
    added INTEGER NOT NULL DEFAULT 0,
    updated INTEGER NOT NULL DEFAULT 0,
    unchanged INTEGER NOT NULL DEFAULT 0,
    refused INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    finished_at INTEGER
) STRICT;
CREATE INDEX imports_by_account ON imports (account_id, id);

CREATE TABLE import_refusals (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    import_id INTEGER NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
    line INTEGER NOT NULL,
    value TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (import_id, line)
) STRICT, WITHOUT ROWID;

-- What a deletion or pseudonymisation did, without saying to whom.
CREATE TABLE receipts (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('deletion', 'pseudonymisation')),
    actor TEXT NOT NULL,
    recipients INTEGER NOT NULL DEFAULT 0,
    groups_left INTEGER NOT NULL DEFAULT 0,
    opens INTEGER NOT NULL DEFAULT 0,
    clicks INTEGER NOT NULL DEFAULT 0,
    -- The reports' figures before and after, as JSON, one entry per mailing.
    figures TEXT NOT NULL DEFAULT '[]',
    cleanup TEXT NOT NULL CHECK (cleanup IN ('pending', 'done', 'unneeded')),
    cleaned_at INTEGER,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX receipts_by_account ON receipts (account_id, id);
CREATE INDEX receipts_pending ON receipts (id) WHERE cleanup = 'pending';

-- Deletions of many recipients: the list of those still to go.
CREATE TABLE jobs (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    user_id INTEGER REFERENCES users (id) ON DELETE SET NULL,
    receipt_id INTEGER NOT NULL REFERENCES receipts (id) ON DELETE CASCADE,
    group_id INTEGER REFERENCES groups (id) ON DELETE SET NULL,
    status TEXT NOT NULL CHECK (status IN ('running', 'done')),
    total INTEGER NOT NULL,
    done INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    finished_at INTEGER
) STRICT;
CREATE INDEX jobs_by_account ON jobs (account_id, id);

CREATE TABLE job_items (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    recipient_id INTEGER NOT NULL,
    PRIMARY KEY (job_id, recipient_id)
) STRICT, WITHOUT ROWID;

-- Who changed what, when. Names recipients by number only (rule P11).
CREATE TABLE audit_log (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    -- A user's name, "Empfänger selbst", or what part of the program it was.
    actor TEXT NOT NULL,
    user_id INTEGER,
    action TEXT NOT NULL,
    recipient_id INTEGER,
    details TEXT NOT NULL DEFAULT '{}'
) STRICT;
CREATE INDEX audit_log_by_account ON audit_log (account_id, id);
CREATE INDEX audit_log_by_recipient ON audit_log (account_id, recipient_id, id);
CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log cannot be changed');
END;
