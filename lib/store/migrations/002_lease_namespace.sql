-- The inode of the PID namespace in which pid counts; 0: not known, taken for the reader's own.
ALTER TABLE leases ADD COLUMN pid_namespace INTEGER NOT NULL DEFAULT 0;
