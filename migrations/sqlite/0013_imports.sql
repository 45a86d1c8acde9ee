-- How imports stand, for who follows them while they run and for a month after: src/store/imports.rs. Operational: under no
-- set head. What an import did stands in its entries; who changes a row here tells whoever follows it something untrue, or
-- has it stop, and no more.
create table import_run (
    no integer primary key,             -- place of its first entry in the log, which says whose it is
    login text not null,                -- whose, to find one's own; what may be shown is decided by that entry
    begun_at integer not null,
    held_until integer not null,        -- until then whoever runs it is believed to be alive
    state text not null,                -- running, cancelling, done, cancelled, broken_off
    rows_read integer not null,         -- counts so far, as the last entry of it has them
    created integer not null,
    updated integer not null,
    unchanged integer not null,
    rejected integer not null,
    kept integer not null,
    suppressed integer not null,
    errors integer not null             -- how many were found; the first of them are kept below
) without rowid;

-- What is wrong with rows that were refused: where and why, never a value.
create table import_error (
    no integer not null,                -- the import
    number integer not null,            -- 1, 2, 3 … within it
    line integer not null,              -- in the file, from 1
    place text not null,                -- the column's code; empty: the whole row
    code text not null,                 -- why
    primary key (no, number)
) without rowid;
