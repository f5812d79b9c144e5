-- A session begins in the transaction that signs somebody in; its key is made when the answer
-- leaves (actix-session), and until then it has none. Cookies of the kind before hold no longer,
-- so everybody signs in once more.
DROP TABLE sign_ins;
DROP TABLE sessions;

-- Signing in between password and code: no session yet.
CREATE TABLE sign_ins (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    key_hash BLOB UNIQUE,
    account_id INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The page to go on to.
    next TEXT NOT NULL,
    failures INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sign_ins_by_user ON sign_ins (user_id);

-- Only a hash of the key in the cookie is stored: who reads the table can't sign in with it.
CREATE TABLE sessions (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    key_hash BLOB UNIQUE,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The class of device, no more.
    device INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    -- To a few minutes.
    used_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user_id);
