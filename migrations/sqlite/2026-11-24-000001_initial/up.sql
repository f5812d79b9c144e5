-- Times are milliseconds since 1970-01-01 UTC, hours are whole hours since then.
-- Ids of people are never given twice (AUTOINCREMENT), so that an old note
-- about recipient 17 can't come to mean somebody else.

CREATE TABLE installation (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

-- Copies of the whole database that were made, until they have to be gone.
CREATE TABLE backups (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    -- Where it was put, or what it is called.
    name TEXT NOT NULL,
    -- A moment before it was made: whoever was deleted later may be in it.
    made_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

CREATE TABLE accounts (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    tracking_mode TEXT NOT NULL DEFAULT 'active' CHECK (tracking_mode IN ('active', 'consent', 'off')),
    tracking_changed_at INTEGER,
    tracking_changed_by TEXT,
    -- What switching tracking on again leads back to.
    tracking_mode_before TEXT CHECK (tracking_mode_before IN ('active', 'consent', 'off')),
    count_anonymously INTEGER NOT NULL DEFAULT 1 CHECK (count_anonymously IN (0, 1)),
    remember_objections INTEGER NOT NULL DEFAULT 1 CHECK (remember_objections IN (0, 1)),
    recipient_count INTEGER NOT NULL DEFAULT 0,
    -- After how many temporary bounces in a row an address counts as undeliverable.
    soft_bounce_limit INTEGER NOT NULL DEFAULT 3,
    -- For how many years the audit log is kept.
    audit_years INTEGER NOT NULL DEFAULT 3 CHECK (audit_years BETWEEN 1 AND 10),
    -- After how many months personal tracking data is pseudonymised; none: never by itself.
    retention_months INTEGER CHECK (retention_months BETWEEN 1 AND 120),
    -- When that is looked at next.
    retention_next_at INTEGER,
    -- Whether every user needs a second factor.
    second_factor_required INTEGER NOT NULL DEFAULT 0 CHECK (second_factor_required IN (0, 1)),
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
    -- The second factor: since when it is asked for (none while it is set up), its secret, sealed,
    -- and the step of the last code that was taken.
    second_factor_at INTEGER,
    totp_secret BLOB,
    totp_step INTEGER NOT NULL DEFAULT 0,
    -- Wrong codes in a row, and until when none is taken after too many.
    code_failures INTEGER NOT NULL DEFAULT 0,
    codes_blocked_until INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX users_by_account ON users (account_id, id);

-- What lets a user in once where the second factor is lost.
CREATE TABLE recovery_codes (
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    code_hash BLOB NOT NULL,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    PRIMARY KEY (user_id, code_hash)
) STRICT, WITHOUT ROWID;

-- Signing in between password and code: no session yet.
CREATE TABLE sign_ins (
    key_hash BLOB NOT NULL PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The page to go on to.
    next TEXT NOT NULL,
    failures INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_ins_by_user ON sign_ins (user_id);

-- Who was invited and has not answered yet. Only a hash of the key in the link is stored.
CREATE TABLE invitations (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    name TEXT NOT NULL,
    roles INTEGER NOT NULL,
    key_hash BLOB NOT NULL UNIQUE,
    -- By whom: the name as it was then.
    invited_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    UNIQUE (account_id, email_key)
) STRICT;

-- Links to a new password, one for each user who asked. Only a hash of the key is stored.
CREATE TABLE password_resets (
    user_id INTEGER NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    key_hash BLOB NOT NULL UNIQUE,
    -- How often one was asked for lately.
    times INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- Only a hash of the key in the cookie is stored: who reads the table can't sign in with it.
CREATE TABLE sessions (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    key_hash BLOB NOT NULL UNIQUE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The class of device, no more.
    device INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    -- To a few minutes.
    used_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user_id);

-- Keys with which programs use the interface. Only a hash of each is stored.
CREATE TABLE api_keys (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- How the key begins: people know it again by that.
    beginning TEXT NOT NULL,
    key_hash BLOB NOT NULL UNIQUE,
    scopes INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    -- To the hour: so it is written once an hour at most.
    last_used_at INTEGER,
    revoked_at INTEGER
) STRICT;
CREATE INDEX api_keys_by_account ON api_keys (account_id, id);

-- Requests of programs that must not be done twice: keyed hashes only, and the number of what was
-- made. Gone after a day.
CREATE TABLE api_requests (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    key_id INTEGER NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    idempotency_hash BLOB NOT NULL,
    request_hash BLOB NOT NULL,
    created_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (key_id, idempotency_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX api_requests_by_account ON api_requests (account_id);
CREATE INDEX api_requests_by_time ON api_requests (created_at);

CREATE TABLE groups (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    member_count INTEGER NOT NULL DEFAULT 0,
    -- The mailing whose activity it was made of.
    from_mailing_id INTEGER,
    -- Made to ask its members for consent: who says no leaves it, and stays out for a while.
    asks_consent INTEGER NOT NULL DEFAULT 0 CHECK (asks_consent IN (0, 1)),
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
    -- Temporary bounces in a row.
    soft_bounces INTEGER NOT NULL DEFAULT 0,
    tracking TEXT NOT NULL DEFAULT 'unset' CHECK (tracking IN ('unset', 'consented', 'objected')),
    tracking_changed_at INTEGER,
    tracking_source TEXT,
    -- The last no to personal tracking: stays when it is lifted, since nobody is asked again so soon.
    refused_at INTEGER,
    public_key BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    UNIQUE (account_id, address_key)
) STRICT;
CREATE INDEX recipients_by_account ON recipients (account_id, id);
CREATE INDEX recipients_by_status ON recipients (account_id, status, id);
-- Those who have said something, few among many: whoever enters people in bulk pays nothing for it.
CREATE INDEX recipients_by_tracking ON recipients (account_id, tracking, id) WHERE tracking <> 'unset';

-- The search's index; kept by db/search, in the transaction that changes the recipient, and merged
-- there, too, in small steps.
CREATE VIRTUAL TABLE recipient_search USING fts5 (
    search_text,
    content = 'recipients',
    content_rowid = 'id',
    tokenize = 'trigram case_sensitive 1',
    detail = none,
    columnsize = 0
);
INSERT INTO recipient_search (recipient_search, rank) VALUES ('secure-delete', 1), ('automerge', 0);

CREATE TABLE memberships (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    group_id INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    recipient_id INTEGER NOT NULL REFERENCES recipients (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    -- Told by what was measured about the person: ends when that is pseudonymised (rule P6).
    from_activity INTEGER NOT NULL DEFAULT 0 CHECK (from_activity IN (0, 1)),
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

-- What a copy that is brought back has to be told again. Entries wait here for the journal's file;
-- afterwards only mark and time are left, by which a database is recognised that is older.
CREATE TABLE journal_entries (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    -- Not a reference: a copy may be older than the account.
    account_id INTEGER NOT NULL,
    mark BLOB NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    kind TEXT,
    recipient_id INTEGER,
    -- The recipient's random key.
    person BLOB,
    details TEXT
) STRICT;
CREATE INDEX journal_entries_by_account ON journal_entries (account_id, id);
CREATE INDEX journal_entries_by_time ON journal_entries (at);
CREATE INDEX journal_entries_waiting ON journal_entries (id) WHERE kind IS NOT NULL;

CREATE TABLE mailings (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    subject TEXT NOT NULL,
    sender_name TEXT NOT NULL,
    sender_address TEXT NOT NULL,
    -- Where the author writes MJML: the HTML is made from it when it is saved.
    mjml TEXT NOT NULL DEFAULT '',
    html TEXT NOT NULL,
    text TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'scheduled', 'preparing', 'sending', 'paused', 'sent', 'cancelled')),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    scheduled_at INTEGER,
    send_started_at INTEGER,
    sent_at INTEGER,
    -- Whether it goes to a group that asks for consent, as of its start: who has refused is left alone.
    asks_consent INTEGER NOT NULL DEFAULT 0 CHECK (asks_consent IN (0, 1)),
    -- What keeps it from being sent at the moment, in words for its author.
    problem TEXT,
    -- Counters kept while writing: a report costs the same for a thousand and for ten million.
    deliveries INTEGER NOT NULL DEFAULT 0,
    handed INTEGER NOT NULL DEFAULT 0,
    handed_personal INTEGER NOT NULL DEFAULT 0,
    handed_anonymous INTEGER NOT NULL DEFAULT 0,
    uncertain INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    cancelled INTEGER NOT NULL DEFAULT 0,
    bounces INTEGER NOT NULL DEFAULT 0,
    soft_bounces INTEGER NOT NULL DEFAULT 0,
    complaints INTEGER NOT NULL DEFAULT 0,
    unsubscriptions INTEGER NOT NULL DEFAULT 0,
    objections INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX mailings_by_account ON mailings (account_id, status, id);
-- The sender looks for work of all accounts.
CREATE INDEX mailings_unfinished ON mailings (id) WHERE status IN ('scheduled', 'preparing', 'sending', 'cancelled') AND sent_at IS NULL;

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
        CHECK (status IN ('pending', 'claimed', 'underway', 'deferred', 'handed', 'uncertain', 'failed', 'cancelled')),
    -- While claimed or underway: the sender that holds it, and until when it may be at work.
    -- Afterwards it is left behind.
    holder INTEGER,
    lease_until INTEGER,
    -- How often it was tried, and, while deferred, when it is tried again.
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at INTEGER,
    -- What the mail server said last: its codes only, since its words may hold the address.
    reply_code TEXT,
    handed_at INTEGER,
    bounce TEXT CHECK (bounce IN ('hard', 'soft', 'complaint')),
    -- To the hour.
    bounced_at INTEGER,
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
CREATE INDEX deliveries_pending ON deliveries (mailing_id, recipient_id) WHERE status = 'pending';
CREATE INDEX deliveries_held ON deliveries (mailing_id, recipient_id) WHERE status IN ('claimed', 'underway');
CREATE INDEX deliveries_deferred ON deliveries (mailing_id, next_attempt_at, attempts) WHERE status = 'deferred';

-- How often something happened to a delivery within one hour.
CREATE TABLE events (
    -- The delivery's, which says that it exists: with every event asking for it again, all hits of
    -- an account would meet at one row.
    account_id INTEGER NOT NULL,
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

-- Where people sign up by themselves.
CREATE TABLE signup_forms (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    group_id INTEGER NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    public_key BLOB NOT NULL UNIQUE,
    name TEXT NOT NULL,
    title TEXT NOT NULL,
    intro TEXT NOT NULL,
    sender_name TEXT NOT NULL,
    sender_address TEXT NOT NULL,
    -- What people agree to, word for word.
    consent_wording TEXT NOT NULL,
    tracking_wording TEXT NOT NULL,
    valid_hours INTEGER NOT NULL,
    active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX signup_forms_by_account ON signup_forms (account_id, id);
CREATE INDEX signup_forms_by_group ON signup_forms (group_id);

-- Wishes to sign up that are not confirmed yet (double opt-in); they go when they are, or run out.
CREATE TABLE signups (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    form_id INTEGER NOT NULL REFERENCES signup_forms (id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    address_key TEXT NOT NULL,
    first_name TEXT NOT NULL DEFAULT '',
    last_name TEXT NOT NULL DEFAULT '',
    -- Only a hash of the key in the mail is stored.
    key_hash BLOB NOT NULL UNIQUE,
    tracking_agreed INTEGER NOT NULL CHECK (tracking_agreed IN (0, 1)),
    -- As they were shown.
    consent_wording TEXT NOT NULL,
    tracking_wording TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    -- When its mail is tried (again); none once it is out.
    mail_due_at INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    -- How often a mail was asked for: each makes the wait for the next one longer.
    mails INTEGER NOT NULL DEFAULT 1,
    UNIQUE (form_id, address_key)
) STRICT;
CREATE INDEX signups_by_account ON signups (account_id, id);
CREATE INDEX signups_by_address ON signups (account_id, address_key);
CREATE INDEX signups_by_expiry ON signups (expires_at);
CREATE INDEX signups_to_mail ON signups (mail_due_at) WHERE mail_due_at IS NOT NULL;

-- Evidence of what somebody agreed to or refused (Art. 7 (1) GDPR). It goes with the recipient.
CREATE TABLE consents (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    recipient_id INTEGER NOT NULL REFERENCES recipients (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('subscription', 'tracking')),
    -- A yes, or a no to what was asked.
    agreed INTEGER NOT NULL DEFAULT 1 CHECK (agreed IN (0, 1)),
    wording TEXT NOT NULL,
    -- Where it was said: the form as it was called then, the page, the import, or how it came to a user.
    form_name TEXT NOT NULL,
    asked_at INTEGER NOT NULL,
    given_at INTEGER NOT NULL
) STRICT;
CREATE INDEX consents_by_account ON consents (account_id, recipient_id, id);
CREATE INDEX consents_by_recipient ON consents (recipient_id);

-- Recipients who asked for their data to be deleted (Art. 17 GDPR).
CREATE TABLE deletion_requests (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    recipient_id INTEGER NOT NULL REFERENCES recipients (id) ON DELETE CASCADE,
    requested_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, recipient_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX deletion_requests_by_recipient ON deletion_requests (recipient_id);

-- Pictures for mails, served by the product.
CREATE TABLE pictures (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    public_key BLOB NOT NULL UNIQUE,
    file_name TEXT NOT NULL,
    media_type TEXT NOT NULL CHECK (media_type IN ('image/gif', 'image/jpeg', 'image/png', 'image/webp')),
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    size INTEGER NOT NULL,
    content BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX pictures_by_account ON pictures (account_id, id);

-- The mail server through which an account sends; without one, the built-in outbox takes the mails.
CREATE TABLE smtp_settings (
    account_id INTEGER NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    encryption TEXT NOT NULL CHECK (encryption IN ('tls', 'starttls', 'none')),
    username TEXT NOT NULL DEFAULT '',
    -- Sealed with a key made from the installation's secret.
    password BLOB,
    connections INTEGER NOT NULL,
    -- At most so many mails; 0: as many as the server takes.
    per_minute INTEGER NOT NULL,
    -- Up to when mails have got their place in that measure, by all nodes.
    paced_until INTEGER NOT NULL DEFAULT 0,
    -- The address at which bounces arrive, with room for a mark of its own in each mail (VERP).
    return_path TEXT NOT NULL DEFAULT '',
    updated_at INTEGER NOT NULL
) STRICT;

-- Keys that sign mails (DKIM, RFC 6376 and RFC 8463). A new key stands beside the one that signs
-- until it takes over: of each algorithm one at most is active.
CREATE TABLE dkim_keys (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- In ASCII (IDNA).
    domain TEXT NOT NULL,
    algorithm TEXT NOT NULL CHECK (algorithm IN ('rsa', 'ed25519')),
    selector TEXT NOT NULL,
    -- Sealed like the password.
    private_key BLOB NOT NULL,
    -- As it stands in the DNS, in base 64.
    public_key TEXT NOT NULL,
    active INTEGER NOT NULL DEFAULT 0 CHECK (active IN (0, 1)),
    created_at INTEGER NOT NULL,
    UNIQUE (account_id, domain, selector)
) STRICT;

-- The mailbox in which bounces and complaints arrive.
CREATE TABLE bounce_mailboxes (
    account_id INTEGER NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    encryption TEXT NOT NULL CHECK (encryption IN ('tls', 'starttls', 'none')),
    username TEXT NOT NULL,
    password BLOB,
    folder TEXT NOT NULL,
    -- Up to where it has been read; numbers hold for one validity only (RFC 3501, 2.3.1.1).
    uid_validity INTEGER,
    last_uid INTEGER,
    -- What has been counted and is still to be removed there, as a JSON list of numbers.
    to_remove TEXT NOT NULL DEFAULT '[]',
    -- Until when the node that reads it may be at work.
    lease_until INTEGER,
    -- Messages since it was set up: about a mail of ours, about an unknown one, and others.
    assigned INTEGER NOT NULL DEFAULT 0,
    unassigned INTEGER NOT NULL DEFAULT 0,
    others INTEGER NOT NULL DEFAULT 0,
    checked_at INTEGER,
    problem TEXT,
    updated_at INTEGER NOT NULL
) STRICT;

-- Where other programs are told of what happens.
CREATE TABLE webhooks (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    url TEXT NOT NULL,
    -- Of which events, a bit for each.
    events INTEGER NOT NULL,
    -- What it is signed with, sealed like the password.
    secret BLOB NOT NULL,
    active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
    -- Since when nothing arrives there, and when it was therefore switched off.
    failing_since INTEGER,
    given_up_at INTEGER,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX webhooks_by_account ON webhooks (account_id, id);

-- What they have to tell: recipients by number only, so a deletion has nothing to find here.
CREATE TABLE webhook_deliveries (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    webhook_id INTEGER NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    event TEXT NOT NULL,
    recipient_id INTEGER,
    source TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'done', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0,
    -- When it is tried (again); while a node has it in hand, when another one may take it up.
    next_attempt_at INTEGER NOT NULL,
    attempted_at INTEGER,
    -- What came of the last attempt, in words for the screen; nothing of what the other side said.
    outcome TEXT,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX webhook_deliveries_by_account ON webhook_deliveries (account_id, id);
CREATE INDEX webhook_deliveries_by_webhook ON webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_by_time ON webhook_deliveries (created_at);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_attempt_at) WHERE status = 'pending';

-- Mails handed to the built-in outbox; the file lies in the data directory.
CREATE TABLE outbox_mails (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    -- None for mails that belong to no mailing.
    mailing_id INTEGER REFERENCES mailings (id) ON DELETE CASCADE,
    recipient_id INTEGER REFERENCES recipients (id) ON DELETE CASCADE,
    signup_id INTEGER REFERENCES signups (id) ON DELETE CASCADE,
    file TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    UNIQUE (mailing_id, recipient_id)
) STRICT;
CREATE INDEX outbox_mails_by_account ON outbox_mails (account_id, id);
CREATE INDEX outbox_mails_by_recipient ON outbox_mails (recipient_id);
CREATE INDEX outbox_mails_by_signup ON outbox_mails (signup_id);

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
-- Each deletion looks for its address here; no address is without that sign.
CREATE INDEX import_refusals_addresses ON import_refusals (account_id) WHERE instr(value, '@') > 0;

-- What a deletion or pseudonymisation did, without saying to whom.
CREATE TABLE receipts (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('deletion', 'pseudonymisation', 'past', 'retention')),
    actor TEXT NOT NULL,
    recipients INTEGER NOT NULL DEFAULT 0,
    -- Unconfirmed sign-ups.
    signups INTEGER NOT NULL DEFAULT 0,
    -- Lines of imports' reports whose value was emptied, beside those of the recipients deleted.
    refusals INTEGER NOT NULL DEFAULT 0,
    groups_left INTEGER NOT NULL DEFAULT 0,
    deliveries INTEGER NOT NULL DEFAULT 0,
    opens INTEGER NOT NULL DEFAULT 0,
    clicks INTEGER NOT NULL DEFAULT 0,
    -- The reports' figures before and after, as JSON, one entry per mailing.
    figures TEXT NOT NULL DEFAULT '[]',
    cleanup TEXT NOT NULL CHECK (cleanup IN ('pending', 'done', 'unneeded')),
    cleaned_at INTEGER,
    -- Whose files are cleaned, where there are several nodes.
    node TEXT,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX receipts_by_account ON receipts (account_id, id);
CREATE INDEX receipts_pending ON receipts (id) WHERE cleanup = 'pending';

-- What takes long: deletions of many recipients, with the list of those still to go, and the
-- pseudonymising of all that is older.
CREATE TABLE jobs (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('deletion', 'pseudonymisation')),
    user_id INTEGER REFERENCES users (id) ON DELETE SET NULL,
    -- None for a draft: it has done nothing.
    receipt_id INTEGER REFERENCES receipts (id) ON DELETE CASCADE,
    group_id INTEGER REFERENCES groups (id) ON DELETE SET NULL,
    -- Up to when mails were handed over whose deliveries are pseudonymised.
    until INTEGER,
    -- A draft waits for its confirmation.
    status TEXT NOT NULL CHECK (status IN ('draft', 'running', 'done')),
    total INTEGER NOT NULL,
    done INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    finished_at INTEGER,
    CHECK ((status = 'draft') = (receipt_id IS NULL))
) STRICT;
CREATE INDEX jobs_by_account ON jobs (account_id, id);

CREATE TABLE job_items (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    recipient_id INTEGER NOT NULL,
    PRIMARY KEY (job_id, recipient_id)
) STRICT, WITHOUT ROWID;

-- Unconfirmed sign-ups that a job deletes.
CREATE TABLE job_signups (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    signup_id INTEGER NOT NULL,
    PRIMARY KEY (job_id, signup_id)
) STRICT, WITHOUT ROWID;

-- Refused lines of imports that hold addresses which a job deletes and nobody has.
CREATE TABLE job_refusals (
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    import_id INTEGER NOT NULL,
    line INTEGER NOT NULL,
    PRIMARY KEY (job_id, import_id, line)
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
CREATE INDEX audit_log_by_time ON audit_log (account_id, at);
CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'the audit log cannot be changed');
END;
-- Entries go when they have been kept for the account's set time, and no sooner, whoever asks: by
-- the database's own clock.
CREATE TRIGGER audit_log_is_kept BEFORE DELETE ON audit_log
WHEN OLD.at > (unixepoch() - 86400 * 365 * COALESCE((SELECT audit_years FROM accounts WHERE id = OLD.account_id), 1)) * 1000
BEGIN
    SELECT RAISE(ABORT, 'the audit log is kept for a set time');
END;
