-- When the recipient got another address: mails of before bounce for the old one.
ALTER TABLE recipients ADD COLUMN address_changed_at INTEGER;
