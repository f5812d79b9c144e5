DROP TABLE bounce_reasons;
