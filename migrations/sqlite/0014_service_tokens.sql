-- Tokens for programs: each acts as the person who made it, narrower (B11). The token itself is kept nowhere; a row stays
-- when it has ended, so that an entry's token can always be looked up.
create table service_token (
    id integer primary key,             -- 1, 2, 3 …: what entries of the log name
    hash blob not null,                 -- SHA-256 of its text; never changes
    login text not null,                -- whose; never changes
    name text not null,                 -- for people, what it is for; never changes, and is in no entry
    scopes text not null,               -- codes of src/model/scope.rs, a blank between; never changes
    unit text not null,                 -- it reaches what belongs to this unit and those under it; never changes
    made_at integer not null,           -- never changes
    ends_at integer not null,           -- never changes
    revoked_by text,                    -- null when it ended with its owner's key or account
    revoked_at integer
);

-- The day on which a token was last used. Operational: under no set head, and decides nothing.
create table token_seen (id integer primary key, day integer not null);
