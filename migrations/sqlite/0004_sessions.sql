-- Who is signed in. Found by the hash of the token; what a step-up opened is sealed under the token, which is kept nowhere.
create table session (
    id blob primary key,                -- SHA-256 of the token
    login text not null,
    opened_at integer not null,
    stepped_at integer not null,        -- when the password was last given
    seed blob not null                  -- the signing key's seed, sealed: src/broker/sessions.rs draws it
) without rowid;

-- When a session was last used, to the minute. Operational: under no set head, and trusted for nothing but ending one early.
create table session_seen (id blob primary key, at integer not null) without rowid;

-- Wrong passwords lately, by account and by address, each under a keyed tag. Operational: under no set head; who resets it
-- may try again sooner, and each try is an entry.
create table attempt (
    tag blob primary key,
    failed integer not null,               -- in a row
    failed_at integer not null             -- the last time
) without rowid;
