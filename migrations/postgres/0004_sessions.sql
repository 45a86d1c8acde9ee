-- Who is signed in. Found by the hash of the token; what a step-up opened is sealed under the token, which is kept nowhere.
create table session (
    id bytea primary key,               -- SHA-256 of the token
    login text not null,
    opened_at bigint not null,
    stepped_at bigint not null,         -- when the password was last given
    seed bytea not null                 -- the signing key's seed, sealed: src/broker/sessions.rs draws it
);

-- When a session was last used, to the minute. Operational: under no set head, and trusted for nothing but ending one early.
create table session_seen (id bytea primary key, at bigint not null);

-- Wrong passwords lately, by account and by address, each under a keyed tag. Operational: under no set head; who resets it
-- may try again sooner, and each try is an entry.
create table attempt (
    tag bytea primary key,
    failed bigint not null,               -- in a row
    failed_at bigint not null             -- the last time
);
