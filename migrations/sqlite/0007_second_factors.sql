-- A person's secret of time-based codes (RFC 6238), sealed under the vault's keys: src/broker/factors.rs draws it.
create table factor_totp (
    login text primary key,
    secret blob not null,
    confirmed_at integer,               -- when its first code was given; asked for from then on
    last_step integer not null          -- of the last code used: it and those before are used up
) without rowid;

-- Codes for who lost the device, hashed; each good once.
create table recovery_code (
    login text not null,
    code_hash blob not null,
    used_at integer,
    primary key (login, code_hash)
) without rowid;

-- Passkeys: public keys, nothing secret.
create table passkey (
    login text not null,
    id blob not null,                   -- SHA-256 of the credential id
    name text not null,
    key text not null,                  -- public key and properties, JSON
    counter integer not null,           -- highest signature counter seen
    added_at integer not null,
    primary key (login, id)
) without rowid;

-- Challenges handed out, for five minutes, sealed. Operational: under no set head; who removes one has its owner ask again.
create table passkey_challenge (
    id blob primary key,                -- SHA-256 of what the browser gives back
    login text not null,
    state blob not null,
    ends_at integer not null
) without rowid;
