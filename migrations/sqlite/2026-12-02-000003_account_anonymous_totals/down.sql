ALTER TABLE mailing_hours DROP COLUMN account_off;
