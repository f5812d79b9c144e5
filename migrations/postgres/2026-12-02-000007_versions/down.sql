DROP INDEX mailings_by_form_key;
ALTER TABLE mailings DROP COLUMN form_key;
ALTER TABLE groups DROP COLUMN updated_at;
ALTER TABLE groups DROP COLUMN changed_by;
ALTER TABLE signup_forms DROP COLUMN changed_by;
ALTER TABLE mailings DROP COLUMN changed_by;
ALTER TABLE recipients DROP COLUMN changed_by;
