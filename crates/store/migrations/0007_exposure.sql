-- How many clients can ever have learned each front door: numbers, with nothing of who they are.

ALTER TABLE exposures ADD COLUMN learned_by INTEGER NOT NULL DEFAULT 0;
