"""Members sealed in Python: a data key each, wrapped under one key, AES-256-GCM field by field, HMAC blind
indexes for mobile, email and post, in an SQLite file: one transaction, WAL, synchronous=full."""

import csv
import os
import sqlite3

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from peer_common import CLEAR, FIELDS, age, arguments, keys, measured, rows, tag

NONCE = 12
TABLES = f"""
create table member (card integer primary key, data_key blob, {', '.join(f'{f} blob' for f in FIELDS)},
    mobile_tag blob, email_tag blob, post_tag blob, {', '.join(f'{c} text' for c in CLEAR)});
create index member_mobile on member (mobile_tag);
create index member_email on member (email_tag);
create index member_post on member (post_tag);
create table consent (card integer, channel text, granted integer, primary key (card, channel)) without rowid;
"""
COLUMNS = 1 + 1 + len(FIELDS) + 3 + len(CLEAR)
INSERT = f"insert into member values ({', '.join('?' * COLUMNS)})"
EXPORT = """select m.card, m.data_key, m.mobile from member m
    join consent c on c.card = m.card and c.channel = 'sms' and c.granted = 1"""
# What a ciphertext belongs to: it opens nowhere else.
BELONGS = {name: f"{name}:".encode() for name in ("data_key", *FIELDS)}


def sealed(path, kek, index):
    """Rows to insert, sealed one after the other."""
    for row in rows(path):
        card, key = row[0].encode(), AESGCM.generate_key(256)
        random = os.urandom(NONCE * (1 + len(FIELDS)))
        nonce, box = random[:NONCE], AESGCM(key)
        out = [int(row[0]), nonce + kek.encrypt(nonce, key, BELONGS["data_key"] + card)]
        for at, (name, value) in enumerate(zip(FIELDS, row[1:7]), 1):
            nonce = random[at * NONCE : (at + 1) * NONCE]
            out.append(nonce + box.encrypt(nonce, value.encode(), BELONGS[name] + card) if value else None)
        out += (tag(index, row[2]), tag(index, row[3]), tag(index, row[5] + row[4]))
        yield out + row[7:]


def load(options, db, kek, index):
    with db:
        db.executemany(INSERT, sealed(options.data / "members.csv", kek, index))
        db.executemany("insert into consent values (?, ?, ?)", rows(options.data / "consents.csv"))


def withdraw(options, db):
    update = "update consent set granted = 0 where card = ? and channel = 'sms'"
    with db:
        db.executemany(update, rows(options.data / "withdrawn.csv"))
    db.execute("analyze")


def export(options, db, kek):
    belongs_key, belongs = BELONGS["data_key"], BELONGS["mobile"]
    with age(options.recipient, options.out) as file:
        writer = csv.writer(file, lineterminator="\n")
        for number, wrapped, value in db.execute(EXPORT):
            card = b"%d" % number
            key = kek.decrypt(wrapped[:NONCE], wrapped[NONCE:], belongs_key + card)
            writer.writerow((AESGCM(key).decrypt(value[:NONCE], value[NONCE:], belongs + card).decode(),))


def main():
    options = arguments()
    secret = keys(options.database, "kek", "index")
    kek, index = AESGCM(secret["kek"]), secret["index"]
    db = sqlite3.connect(options.database)
    db.execute("pragma journal_mode = wal")
    db.execute("pragma synchronous = full")
    if options.verb == "import":
        db.executescript(TABLES)
        measured(lambda: load(options, db, kek, index))
    elif options.verb == "withdraw":
        measured(lambda: withdraw(options, db))
    else:
        measured(lambda: export(options, db, kek))
    db.close()


if __name__ == "__main__":
    main()
