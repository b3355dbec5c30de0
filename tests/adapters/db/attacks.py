"""T20: what somebody with direct SQL may try; ``test_attacks.py`` runs it."""

WALLET, PURSE, RUN, VENUE, BITCOIN, ROUNDING = (
    f"(SELECT id FROM accounts WHERE kind = '{kind}' AND coin = '{coin}')"  # noqa: S608 - the attack itself
    for kind, coin in (
        ("mixin", "USDT"),
        ("available", "USDT"),
        ("run", "USDT"),
        ("venue", "USDT"),
        ("venue", "BTC"),
        ("rounding", "USDT"),
    )
)
DEPOSIT = "(SELECT id FROM transfers WHERE kind = 'deposit')"
PRINT = "repeat('0', 64)"


def transfer(postings: str, many: int = 1, cause: str = "attack", fingerprint: str = PRINT) -> str:
    """Return SQL that makes a transfer and its postings in one statement."""
    return (
        f"WITH t AS ({bare_transfer('attack', cause, many, fingerprint)} RETURNING id) "  # noqa: S608 - the attack itself
        "INSERT INTO postings (transfer_id, number, source_id, destination_id, amount) "
        f"SELECT id, p.* FROM t, (VALUES {postings}) AS p (number, source_id, destination_id, amount)"
    )


def bare_transfer(kind: str, cause: str, many: int, fingerprint: str = PRINT) -> str:
    """Return SQL that makes a transfer without postings."""
    return (
        "INSERT INTO transfers (kind, cause, fingerprint, postings) "  # noqa: S608 - the attack itself
        f"VALUES ('{kind}', '{cause}', {fingerprint}, {many})"
    )


def posting(row: str) -> str:
    """Return SQL that makes one posting."""
    return f"INSERT INTO postings (transfer_id, number, source_id, destination_id, amount) VALUES ({row})"  # noqa: S608 - the attack itself


def hold(
    amount: str, remaining: str = "", account: str = PURSE, ended: str = "NULL", owner: str = "x"
) -> str:
    """Return SQL that makes a hold."""
    return (
        "INSERT INTO holds (owner_kind, owner, account_id, amount, remaining, ended_at) "  # noqa: S608 - the attack itself
        f"VALUES ('order', '{owner}', {account}, {amount}, {remaining or amount}, {ended})"
    )


def account(kind: str, owner: str, venue: str, coin: str) -> str:
    """Return SQL that makes an account."""
    return (
        "INSERT INTO accounts (kind, owner, venue, coin) "  # noqa: S608 - the attack itself
        f"VALUES ('{kind}', '{owner}', '{venue}', '{coin}')"
    )


_AUDITED = "(SELECT audit FROM role_changes WHERE to_role = 'owner')"


def audited(who: str) -> str:
    """Return SQL that gives the number of an act by somebody, planted for the attacks."""
    return f"(SELECT max(number) FROM audit WHERE who = '{who}' AND action = 'planted')"  # noqa: S608 - the attack itself


def change_role(user_id: str, before: str, after: str, audit: str) -> str:
    """Return SQL that changes a role."""
    return (
        "INSERT INTO role_changes (user_id, from_role, to_role, audit) "  # noqa: S608 - the attack itself
        f"VALUES ('{user_id}', '{before}', '{after}', {audit})"
    )


BALANCED = {  # I1
    "a posting of nothing": transfer(f"(1, {WALLET}, {PURSE}, 0)"),
    "a negative posting": transfer(f"(1, {WALLET}, {PURSE}, -1)"),
    "a posting that is no number": transfer(f"(1, {WALLET}, {PURSE}, 'NaN'::numeric)"),
    "an endless posting": transfer(f"(1, {WALLET}, {PURSE}, 'Infinity'::numeric)"),
    "a posting too large for its column": transfer(f"(1, {WALLET}, {PURSE}, 1e20)"),
    "a posting too small for its column": transfer(f"(1, {WALLET}, {PURSE}, 1e-19)"),
    "a posting without an amount": transfer(f"(1, {WALLET}, {PURSE}, NULL::numeric)"),
    "a posting from one coin to another": transfer(f"(1, {BITCOIN}, {PURSE}, 1)"),
    "a posting within one account": transfer(f"(1, {PURSE}, {PURSE}, 1)"),
    "a posting from nowhere": transfer(f"(1, 999, {PURSE}, 1)"),
    "a posting to nowhere": transfer(f"(1, {WALLET}, 999, 1)"),
    "a posting between two nowheres": transfer("(1, 998, 999, 1)"),
    "a posting of an unknown transfer": posting(f"999, 1, {WALLET}, {PURSE}, 1"),
    "a transfer with fewer postings than it says": transfer(f"(1, {WALLET}, {PURSE}, 1)", many=2),
    "a transfer with more postings than it says": transfer(
        f"(1, {WALLET}, {PURSE}, 1), (2, {WALLET}, {PURSE}, 1)"
    ),
    "a transfer without postings": bare_transfer("attack", "1", 1),
    "a transfer that says it has no postings": bare_transfer("attack", "1", 0),
    "a posting number below one": transfer(f"(0, {WALLET}, {PURSE}, 1)"),
}

WRITTEN_ONCE = {  # I2
    "a posting added to an old transfer": posting(f"{DEPOSIT}, 2, {WALLET}, {PURSE}, 1"),
    "a posting changed": "UPDATE postings SET amount = amount + 1",
    "a posting redirected": f"UPDATE postings SET destination_id = {RUN}",  # noqa: S608 - the attack itself
    "no posting changed, by a condition": "UPDATE postings SET amount = 1 WHERE false",
    "a posting deleted": "DELETE FROM postings",
    "postings emptied": "TRUNCATE postings",
    "a transfer changed": "UPDATE transfers SET posted_at = now()",
    "a transfer's fingerprint changed": "UPDATE transfers SET fingerprint = repeat('1', 64)",
    "a transfer deleted": "DELETE FROM transfers",
    "transfers emptied": "TRUNCATE transfers CASCADE",
    "an old transfer overwritten by an upsert": bare_transfer("deposit", "1", 1)
    + " ON CONFLICT (kind, cause) DO UPDATE SET postings = 2",
    "a transfer merged away": "MERGE INTO transfers t USING (VALUES (1)) v ON true WHEN MATCHED THEN DELETE",
    "an account's coin changed": "UPDATE accounts SET coin = 'BTC'",
    "an account given to another": "UPDATE accounts SET owner = 'mallory' WHERE kind = 'available'",
    "an account deleted": "DELETE FROM accounts",
    "accounts emptied": "TRUNCATE accounts CASCADE",
}

GUARDED = {  # I3, I4, the float rule
    "a balance spent below zero": transfer(f"(1, {PURSE}, {WALLET}, 81)"),
    "a balance spent below what is promised": transfer(f"(1, {PURSE}, {WALLET}, 32)"),
    "a wallet paid below zero": transfer(f"(1, {ROUNDING}, {WALLET}, 1000)"),
    "a run spent below zero": transfer(f"(1, {RUN}, {PURSE}, 21)"),
    "a balance made unguarded": "UPDATE balances SET guarded = false",
    "a kind made unguarded": "UPDATE account_kinds SET guarded = false",
    "a kind moved to the other side": "UPDATE account_kinds SET side = 'own' WHERE kind = 'mixin'",
    "an invented kind": "INSERT INTO account_kinds (kind, side, guarded) VALUES ('gift', 'owed', false)",
    "a balance raised": "UPDATE balances SET total = total + 1",
    "a balance that is no number": "UPDATE balances SET total = 'NaN'",
    "a balance freed of its promises": "UPDATE balances SET held = 0",
    "a balance freed of its claims": "UPDATE balances SET claimed = 0",
    "a balance deleted": "DELETE FROM balances",
    "balances emptied": "TRUNCATE balances",
    "a second balance": f"INSERT INTO balances (account_id, guarded, total) VALUES ({PURSE}, false, 5)",  # noqa: S608 - the attack itself
    "a balance changed by an upsert": "INSERT INTO balances (account_id, guarded) "  # noqa: S608 - the attack itself
    f"VALUES ({PURSE}, true) ON CONFLICT (account_id) DO UPDATE SET total = 5",
    "a run that claims more than the venue has": transfer(f"(1, {PURSE}, {RUN}, 21)"),
    "a venue drained below what runs claim": transfer(f"(1, {WALLET}, {VENUE}, 21)"),
    "an account of an unknown kind": account("gift", "x", "", "USDT"),
    "a person's account of nobody": account("available", "", "", "USDT"),
    "an own account of somebody": account("fees", "x", "", "USDT"),
    "a person's account at a venue": account("available", "x", "binance-1", "USDT"),
    "a run at no venue": account("run", "x", "", "USDT"),
    "a second account of the same name": account("available", "alice", "", "USDT"),
    "an account of a coin without a name": account("available", "x", "", ""),
}

HELD_ONCE = {  # I5
    "a second hold of one owner": hold("1", owner="1"),
    "a hold of more than is free": hold("32"),
    "a hold of nothing": hold("0"),
    "a negative hold": hold("-1"),
    "a hold that is no number": hold("'NaN'"),
    "a hold that is smaller than it says": hold("5", remaining="1"),
    "a hold that is larger than it says": hold("5", remaining="6"),
    "a hold ended before it began": hold("5", remaining="0", ended="now()"),
    "a hold on nothing": hold("1", account="999"),
    "a hold on an account that may fall below zero": hold("1", account=ROUNDING),
    "a hold of nobody": hold("1", owner=""),
    "a hold that grows": "UPDATE holds SET remaining = remaining + 1, amount = amount + 1 WHERE owner = '1'",
    "a hold that grows back": "UPDATE holds SET remaining = amount WHERE owner = '1'",
    "a hold below zero": "UPDATE holds SET remaining = -1 WHERE owner = '1'",
    "a hold that is no number any more": "UPDATE holds SET remaining = 'NaN' WHERE owner = '1'",
    "a hold ended with something left": "UPDATE holds SET ended_at = now() WHERE owner = '1'",
    "a hold given to another": "UPDATE holds SET owner = 'mallory' WHERE owner = '1'",
    "a hold moved to another account": f"UPDATE holds SET account_id = {RUN} WHERE owner = '1'",  # noqa: S608 - the attack itself
    "a hold ended twice": "UPDATE holds SET ended_at = now() WHERE owner = 'ended'",
    "a hold that lives again": "UPDATE holds SET ended_at = NULL WHERE owner = 'ended'",
    "a hold deleted": "DELETE FROM holds",
    "holds emptied": "TRUNCATE holds",
}

ONE_CAUSE = {  # I6
    "a cause used twice": bare_transfer("deposit", "1", 1),
    "a transfer without a cause": transfer(f"(1, {WALLET}, {PURSE}, 1)", cause=""),
    "a transfer with a made-up fingerprint": transfer(f"(1, {WALLET}, {PURSE}, 1)", fingerprint="'x'"),
    "a message stored twice": "INSERT INTO inbox (user_id, conversation_id, message_id, representative_id, "
    "kind, body, sent_at, received_at) VALUES ('alice', 'c', 'm', '', 'message', 'b', now(), now())",
}

ALLOWED_EDGES = {  # I11
    "a row that begins at its end": "INSERT INTO outbox (user_id, kind, cause, params, state, ended_at) "
    "VALUES ('alice', 'k', '2', '{}', 'sent', now())",
    "a state nobody knows": "UPDATE outbox SET state = 'lost', ended_at = now()",
    "a state that is no state": "UPDATE outbox SET state = NULL",
    "a way back": "UPDATE inbox SET state = 'pending', ended_at = NULL WHERE state = 'done'",
    "a way from one end to another": "UPDATE inbox SET state = 'dead' WHERE state = 'done'",
    "a way of one's own": "INSERT INTO state_edges VALUES ('inbox', 'done', 'pending')",
    "a way bent": "UPDATE state_edges SET to_state = 'sent'",
    "a way closed": "DELETE FROM state_edges",
    "all ways closed": "TRUNCATE state_edges",
    "a table of ways of one's own": "DO $$ BEGIN CREATE TEMP TABLE state_edges AS "
    "SELECT 'inbox' AS machine, 'done' AS from_state, 'pending' AS to_state; "
    "UPDATE inbox SET state = 'pending', ended_at = NULL WHERE state = 'done'; END $$",
    "a venue account by another name": "UPDATE venue_accounts SET name = 'x'",
    "a venue account that becomes another": "UPDATE venue_accounts SET venue = 'kraken'",
    "a venue account forgotten": "DELETE FROM venue_accounts",
    "venue accounts emptied": "TRUNCATE venue_accounts CASCADE",
}

BY_ROLES_ALONE = {  # what the owner of the tables could do, and the program cannot
    "triggers turned off": "ALTER TABLE postings DISABLE TRIGGER ALL",
    "one trigger turned off": "ALTER TABLE transfers DISABLE TRIGGER transfers_stay",
    "triggers turned off for a session": "SET session_replication_role = replica",
    "a trigger dropped": "DROP TRIGGER postings_stay ON postings",
    "a trigger of one's own": "CREATE TRIGGER mine BEFORE INSERT ON inbox EXECUTE FUNCTION refuse_change()",
    "a constraint dropped": "ALTER TABLE balances DROP CONSTRAINT balances_guarded",
    "a column widened": "ALTER TABLE postings ALTER COLUMN amount TYPE TEXT",
    "a table dropped": "DROP TABLE postings CASCADE",
    "a table taken over": "ALTER TABLE postings OWNER TO CURRENT_USER",
    "a table renamed": "ALTER TABLE postings RENAME TO old_postings",
    "a table locked against everybody": "DO $$ BEGIN LOCK TABLE accounts; END $$",
    "a table made": "CREATE TABLE public.mine (x INT)",
    "a table that inherits": "CREATE TABLE mine () INHERITS (postings)",
    "a view over what is hidden": "CREATE VIEW mine AS SELECT * FROM postings",
    "a function made": "CREATE FUNCTION public.mine() RETURNS INT LANGUAGE sql AS 'SELECT 1'",
    "a function replaced": "CREATE OR REPLACE FUNCTION account_text(account BIGINT) RETURNS TEXT "
    "LANGUAGE sql STABLE AS $$ SELECT 'mine' $$",
    "a function made to run as anybody": "ALTER FUNCTION post_transfers SECURITY INVOKER",
    "a function called that is not for us": "SELECT lock_accounts('{fees}', '{x}', '{}', '{USDT}')",
    "a schema made": "CREATE SCHEMA mine",
    "a row policy dropped": "DROP POLICY app_rows ON accounts",
    "row-level security turned off": "ALTER TABLE accounts DISABLE ROW LEVEL SECURITY",
    "the owner's role": "SET ROLE mrmarket_migrate",
    "the owner's session": "SET SESSION AUTHORIZATION mrmarket_migrate",
    "the superuser's role": "SET ROLE mrmarket",
    "a right given to oneself": "DO $$ BEGIN GRANT INSERT ON postings TO CURRENT_USER; "
    "INSERT INTO postings VALUES (1, 2, 1, 2, 1); END $$",
    "a role given to oneself": "GRANT mrmarket_migrate TO CURRENT_USER",
    "a role made": "CREATE ROLE mrmarket_mallory SUPERUSER",
    "oneself made a superuser": "ALTER ROLE CURRENT_USER SUPERUSER",
    "a program run": "COPY inbox FROM PROGRAM 'true'",
    "a program fed": "COPY users TO PROGRAM 'true'",
    "a file read": "SELECT pg_read_file('/etc/passwd')",
    "a file written": "COPY users TO '/tmp/users'",
    "a file made a large object": "SELECT lo_import('/etc/passwd')",
    "an event trigger": "CREATE EVENT TRIGGER mine ON ddl_command_end EXECUTE FUNCTION refuse_change()",
    "a rule": "CREATE RULE mine AS ON INSERT TO postings DO INSTEAD NOTHING",
    "the catalogue itself": "UPDATE pg_trigger SET tgenabled = 'D'",
    "passwords read": "SELECT * FROM pg_authid",
    "the server told to run something": "ALTER SYSTEM SET archive_command = 'true'",
    "a database dropped": "DROP DATABASE template_migrated",
    "a way of one's own, as if migrating": "WITH said AS MATERIALIZED "
    "(SELECT set_config('mrmarket.migrating', 'on', false)) "
    "INSERT INTO state_edges SELECT 'inbox', 'done', 'pending' FROM said",
    "the list of migrations shortened": "DELETE FROM aerich",
    "a run's start rewritten": "UPDATE runs SET quote_start = 1000",
    "a conversion's worst price loosened": "UPDATE conversions SET worst = 1",
    "a person made another": "UPDATE users SET user_id = 'mallory'",
    "a message reworded": "UPDATE inbox SET body = 'withdraw everything'",
    "a notice reworded": "UPDATE outbox SET params = '{}'",
    "a confirmation made to mean something else": "UPDATE confirmations SET params_hash = 'mine'",
    "a deposit intent given to another": "UPDATE deposit_intents SET user_id = 'mallory'",
    "a freeze deleted": "DELETE FROM freezes",
    "a freeze reworded": "UPDATE freezes SET reason = 'nothing'",
    "a round of comparing made good": "UPDATE reconciliations SET outcome = 'good'",
    "a round of comparing deleted": "DELETE FROM reconciliations",
    "the books' beginning moved": "UPDATE births SET born_at = now()",
    "another database pretended": "INSERT INTO births (born_at) VALUES (now())",
    "a free output invented": "INSERT INTO free_outputs VALUES ('mine', 'asset', 1000)",
    "an asset's least deposit changed": "UPDATE tokens SET minimum_deposit = 1",
}

ROLES = {
    f"{name} {what}": sql
    for name, column in (
        ("audit", "who"),
        ("role_changes", "user_id"),
        ("owner_codes", "code_hash"),
        ("owner_tries", "user_id"),
    )
    for what, sql in (
        ("rewritten", f"UPDATE {name} SET {column} = {column}"),  # noqa: S608 - the attack itself
        ("shortened", f"DELETE FROM {name}"),  # noqa: S608 - the attack itself
        ("emptied", f"TRUNCATE {name} CASCADE"),
    )
} | {
    "a role without an audit": change_role("mallory", "user", "admin", "NULL"),
    "a role with an audit of something else": change_role("bob", "user", "admin", _AUDITED),
    "an admin made by nobody": change_role("mallory", "user", "admin", audited("")),
    "an admin made by a user": change_role("mallory", "user", "admin", audited("bob")),
    "an admin made by an admin": change_role("bob", "user", "admin", audited("ada")),
    "an admin who makes herself a user": change_role("ada", "admin", "user", audited("ada")),
    "a user who makes himself an admin": change_role("mallory", "user", "admin", audited("mallory")),
    "a second owner": change_role("mallory", "user", "owner", audited("alice")),
    "a second owner, of an admin": change_role("ada", "admin", "owner", audited("alice")),
    "an owner who steps down": change_role("alice", "owner", "user", audited("alice")),
    "an owner taken down": change_role("alice", "owner", "admin", audited("ada")),
    "a role from what one is not": change_role("bob", "admin", "user", audited("alice")),
    "a role that is none": change_role("bob", "user", "king", audited("alice")),
    "a code for ever": "INSERT INTO owner_codes (code_hash, issued_at, expires_at) "
    "VALUES (repeat('0', 64), now(), now() + interval '25 hours')",
    "a code in plain words": "INSERT INTO owner_codes (code_hash, issued_at, expires_at) "
    "VALUES ('ABCD', now(), now() + interval '1 hour')",
    "an act without a cause": "INSERT INTO audit (who, action, params, params_hash, cause, at) "
    "VALUES ('alice', 'a', '{}', repeat('0', 64), '', now())",
}


PAYER = "0c2f7b6e-0000-4000-8000-00000000a11c"


def fee(kind: str, cause: str, basis: str, amount: str, **facts: str) -> str:
    """Return SQL that notes a fee; the run of the books was started under version 1."""
    what = "trading" if kind.startswith("fill") else "deposit"
    run = facts.get("run", "run-1" if what == "trading" else "")
    return (
        "INSERT INTO service_fees (fee, kind, cause, version, user_id, run_id, coin, basis, amount) "  # noqa: S608 - the attack itself
        f"VALUES ('{what}', '{kind}', '{cause}', {facts.get('version', '1')}, "
        f"'{facts.get('user', PAYER)}', '{run}', '{facts.get('coin', 'BTC')}', {basis}, {amount})"
    )


def schedule(version: str, rates: str, effective_at: str) -> str:
    """Return SQL that announces a version."""
    return (
        "INSERT INTO fee_schedules "  # noqa: S608 - the attack itself
        "(version, deposit_bps, withdrawal_bps, trading_bps, effective_at, created_by) "
        f"VALUES ({version}, {rates}, {effective_at}, 'mallory')"
    )


_LATER = "now() + interval '30 hours'"

FEES = {  # FE1, FE2; the planted fill brought 0.5 BTC and paid 0.0005, an unpaid one brought as much
    "a schedule rewritten": "UPDATE fee_schedules SET trading_bps = 100",
    "a schedule moved": "UPDATE fee_schedules SET effective_at = now() WHERE version = 2",
    "a schedule forgotten": "DELETE FROM fee_schedules WHERE version = 2",
    "schedules emptied": "TRUNCATE fee_schedules CASCADE",
    "a schedule without notice": schedule("3", "1, 1, 1", "now()"),
    "a schedule a minute too soon": schedule("3", "1, 1, 1", "now() + interval '23 hours 59 minutes'"),
    "a schedule before another": schedule("3", "1, 1, 1", "now() + interval '24 hours 30 minutes'"),
    "a schedule that never ends to come": schedule("3", "1, 1, 1", "'infinity'"),
    "a schedule announced twice": schedule("2", "1, 1, 1", _LATER),
    "a schedule that leaves one out": schedule("4", "1, 1, 1", _LATER),
    "a schedule before the first": schedule("0", "1, 1, 1", _LATER),
    "a deposit fee over the cap": schedule("3", "1001, 1, 1", _LATER),
    "a withdrawal fee over the cap": schedule("3", "1, 1001, 1", _LATER),
    "a trading fee over the cap": schedule("3", "1, 1, 101", _LATER),
    "a fee below nothing": schedule("3", "-1, 1, 1", _LATER),
    "a fee rewritten": "UPDATE service_fees SET amount = amount / 2",
    "a fee given to another": "UPDATE service_fees SET user_id = 'mallory'",
    "a fee forgotten": "DELETE FROM service_fees",
    "fees emptied": "TRUNCATE service_fees",
    "a fee noted twice": fee("fill", "paid", "0.5", "0.0005"),
    "a fee that nothing collects": fee("fill", "free", "0.5", "0.0005"),
    "a fee of nothing that happened": fee("fill", "never", "0.5", "0.0005"),
    "a fee on a deposit that paid none": fee("deposit", "1", "100", "0.5", coin="USDT"),
    "a fee too large": fee("fill", "free", "0.5", "0.0006"),
    "a fee too small": fee("fill", "free", "0.5", "0.0004"),
    "a fee a unit too large": fee("fill", "free", "0.5", "0.000500000000000001"),
    "a fee of more than came in": fee("fill", "free", "5", "0.005"),
    "a fee of nothing": fee("fill", "free", "0", "0"),
    "a fee that is no number": fee("fill", "free", "'NaN'", "'NaN'"),
    "a fee without end": fee("fill", "free", "'Infinity'", "'Infinity'"),
    "a fee that pays a person": fee("fill", "free", "-0.5", "-0.0005"),
    "a fee given back that was never paid": fee("fill_bust", "free:2", "-0.5", "-0.0005"),
    "a fee given back with the wrong sign": fee("fill_bust", "free:2", "0.5", "0.0005"),
    "a fee by a version that nobody announced": fee("fill", "free", "0.5", "0.0005", version="9"),
    "a fee by a version that is not the run's": fee("fill", "free", "0.5", "0.001", version="2"),
    "a fee of a run of somebody else": fee("fill", "free", "0.5", "0.0005", user="mallory"),
    "a fee of no run": fee("fill", "free", "0.5", "0.0005", run=""),
    "a fee of an unknown run": fee("fill", "free", "0.5", "0.0005", run="run-2"),
    "a fee in another coin": fee("fill", "free", "0.5", "0.0005", coin="USDT"),
    "a fee of an unknown kind": fee("gift", "free", "0.5", "0.0005"),
    "a run under another schedule": "UPDATE runs SET fee_version = 2",
    "a run under no schedule any more": "UPDATE runs SET fee_version = 0",
    "a run under a schedule that nobody announced": "INSERT INTO runs (id, user_id, number, account, base, "  # noqa: S608 - the attack itself
    "quote, strategy, preset, config_version, state, base_start, quote_start, started_at, fee_version) "
    f"VALUES ('run-9', '{PAYER}', 9, 'binance-1', 'BTC', 'USDT', 's', '', 1, 'running', 1, 1, now(), 9)",
}

ATTACKS = FEES | ROLES | BALANCED | WRITTEN_ONCE | GUARDED | HELD_ONCE | ONE_CAUSE | ALLOWED_EDGES
