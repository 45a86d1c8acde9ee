-- Who gave the confidentiality undertaking, when, and to which text (A10a). Rows are never changed.
create table undertaking (
    login text not null,
    number integer not null,            -- 1, 2, 3 … of this person
    version text not null,              -- of the family `undertaking`, or `built-in`
    digest blob not null,               -- SHA-256 of the text that was shown
    at integer not null,
    primary key (login, number)
) without rowid;
