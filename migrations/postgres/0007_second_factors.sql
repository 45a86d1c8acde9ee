-- A person's secret of time-based codes (RFC 6238), sealed under the vault's keys: src/broker/factors.rs draws it.
create table factor_totp (
    login text primary key,
    secret bytea not null,
    confirmed_at bigint,               -- when its first code was given; asked for from then on
    last_step bigint not null          -- of the last code used: it and those before are used up
);

-- Codes for who lost the device, hashed; each good once.
create table recovery_code (
    login text not null,
    code_hash bytea not null,
    used_at bigint,
    primary key (login, code_hash)
);

-- Passkeys: public keys, nothing secret.
create table passkey (
    login text not null,
    id bytea not null,                   -- SHA-256 of the credential id
    name text not null,
    key text not null,                  -- public key and properties, JSON
    counter bigint not null,           -- highest signature counter seen
    added_at bigint not null,
    primary key (login, id)
);

-- Challenges handed out, for five minutes, sealed. Operational: under no set head; who removes one has its owner ask again.
create table passkey_challenge (
    id bytea primary key,                -- SHA-256 of what the browser gives back
    login text not null,
    state bytea not null,
    ends_at bigint not null
);
