-- Who somebody is at the company's identity provider (OpenID Connect), as they linked it themselves.
create table linked_account (
    identity bytea primary key,          -- SHA-256 of issuer and subject: src/oidc/mod.rs
    login text not null,                -- a person has one: linking another drops the former
    linked_at bigint not null
);
