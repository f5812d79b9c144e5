-- Which user made the last change, so that whoever is about to save over it can be told. No foreign
-- key: a user who is gone is simply not named. Imports, programs and recipients leave it empty.
ALTER TABLE recipients ADD COLUMN changed_by BIGINT;
ALTER TABLE mailings ADD COLUMN changed_by BIGINT;
ALTER TABLE signup_forms ADD COLUMN changed_by BIGINT;
ALTER TABLE groups ADD COLUMN changed_by BIGINT;
ALTER TABLE groups ADD COLUMN updated_at BIGINT;

-- The random key of the page on which a draft was begun: sent twice, it makes one draft.
ALTER TABLE mailings ADD COLUMN form_key TEXT;
CREATE UNIQUE INDEX mailings_by_form_key ON mailings (account_id, form_key) WHERE form_key IS NOT NULL;
