"""Who may do what with which table, view and function: all of it, as data.

``adapters.db.migrate`` applies it after the migrations, whatever was granted before; a test holds that
nothing in the database lacks an entry and that the catalogue says what stands here. A new table, view or
function needs one line here, or nobody but its owner can use it.

The ledger's tables have no line that writes: they are written by the functions of ``DEFINERS``, which
run with their owner's rights.
"""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Role(StrEnum):
    """Who logs in; the name in the database has the instance's prefix: ``mrmarket_app``."""

    MIGRATE = "migrate"
    """Owns everything; used while migrating, by no process that runs."""
    APP = "app"
    """The bot, and whatever else talks."""
    WORKERS = "workers"
    """The workers: what the app may, and to read the keys that move money."""
    ANGEL = "angel"
    WEB = "web"
    """Pages: reads the rows of the person named in ``mrmarket.user_id``, and what is everybody's."""
    STOP = "stop"
    """The listener of STOP: calls one function, and reads nothing."""
    POLLER = "poller"
    """Reads from strangers; may connect, and nothing else yet."""


ME = "nullif(current_setting('mrmarket.user_id', true), '')"
"""Whose rows the web's connection may see; nobody's unless the process said so."""

NOBODYS = ""
"""No row of the table is a person's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Privileges as GRANT words them, and ``whose`` the rows are: a condition on ``ME``, or ``NOBODYS``."""

    whose: str
    app: str = ""
    apps_rows: str = ""
    """Which rows the app sees, where the workers see more; all of them when nothing is said."""
    angel: str = ""
    angels_rows: str = ""
    """Which rows the Angel sees, where the workers see more; all of them when nothing is said."""
    web: str = ""
    stop: str = ""
    poller: str = ""

    def of(self, role: Role) -> str:
        """Return what a role may do; the owner needs no grant, and the workers may what the app may."""
        if role is Role.MIGRATE:
            return ""
        return self.app if role is Role.WORKERS else str(getattr(self, role.value))


_MINE = f"user_id = {ME}"
_MY_PAYOUT = f"purpose = 'withdrawal' AND receiver = {ME}"
_OF_MY_PAYOUT = f"payout_id IN (SELECT id FROM payouts WHERE {_MY_PAYOUT})"  # noqa: S608 - put together from constants
_MY_RUNS = f"(SELECT id FROM runs WHERE {_MINE})"  # noqa: S608 - put together from constants
_OF_MY_RUN = f"run_id IN {_MY_RUNS}"
_VERSIONS_RUN = (
    "(SELECT f.run_id FROM fills f WHERE (f.account, f.base, f.quote, f.trade_id) = (fill_versions.account, "
    "fill_versions.base, fill_versions.quote, fill_versions.trade_id))"
)
_OF_MY_FILL = f"{_VERSIONS_RUN} IN {_MY_RUNS}"
"""Not by EXISTS, which would ask for a person's runs anew at each row."""
_MY_ACCOUNT = f"owner = {ME} OR (kind = 'run' AND owner IN {_MY_RUNS})"
_MY_ACCOUNTS = f"(SELECT id FROM accounts WHERE {_MY_ACCOUNT})"  # noqa: S608 - put together from constants
_OF_MY_ACCOUNT = f"account_id IN {_MY_ACCOUNTS}"
_MY_POSTING = f"source_id IN {_MY_ACCOUNTS} OR destination_id IN {_MY_ACCOUNTS}"
_MY_TRANSFER = f"id IN (SELECT transfer_id FROM postings WHERE {_MY_POSTING})"  # noqa: S608 - put together from constants
_QUEUE = "SELECT, INSERT, UPDATE (state, attempts, reason, retry_at, ended_at)"

TABLES = MappingProxyType(
    {
        "aerich": Table(whose=NOBODYS),
        "state_edges": Table(whose=NOBODYS, app="SELECT"),
        # coins, people, venue accounts
        "coins": Table(whose=NOBODYS, app="SELECT", web="SELECT"),
        "tokens": Table(whose=NOBODYS, app="SELECT", web="SELECT"),
        "users": Table(
            whose=_MINE, app="SELECT, INSERT, UPDATE (language, created_at, forgotten)", web="SELECT"
        ),
        "venue_accounts": Table(
            whose=NOBODYS,
            app="SELECT, INSERT, UPDATE (opened_at, halted, orders_per_second)",
            angel="SELECT",
            web="SELECT (name, venue)",
        ),
        "deployment": Table(whose=NOBODYS, app="SELECT", angel="SELECT"),
        "leases": Table(
            whose=NOBODYS,
            app="SELECT, INSERT, UPDATE (epoch, holder, state, ttl, expires_at, build, schema_version)",
            angel="SELECT",
            web="SELECT",
        ),
        "progress": Table(whose=NOBODYS, app="SELECT, INSERT, UPDATE, DELETE", angel="SELECT", web="SELECT"),
        "waiting": Table(whose=NOBODYS, app="SELECT", angel="SELECT", web="SELECT"),
        "unknown_orders": Table(whose=NOBODYS, app="SELECT", angel="SELECT", web="SELECT"),
        "standing_halts": Table(whose=NOBODYS, app="SELECT", angel="SELECT", web="SELECT"),
        "unattended": Table(whose=NOBODYS, app="SELECT", angel="SELECT", web="SELECT"),
        # the ledger: written by functions alone
        "account_kinds": Table(whose=NOBODYS, app="SELECT", angel="SELECT", web="SELECT"),
        "accounts": Table(whose=_MY_ACCOUNT, app="SELECT", angel="SELECT", web="SELECT"),
        "balances": Table(whose=_OF_MY_ACCOUNT, app="SELECT", angel="SELECT", web="SELECT"),
        "transfers": Table(whose=_MY_TRANSFER, app="SELECT"),
        "postings": Table(whose=_MY_POSTING, app="SELECT"),
        "holds": Table(whose=_OF_MY_ACCOUNT, app="SELECT"),
        "ledger_faults": Table(whose=NOBODYS, app="SELECT"),
        "chain_links": Table(whose=NOBODYS, app="SELECT, INSERT", web="SELECT (number, hash)"),
        # chat
        "inbox": Table(whose=_MINE, app=_QUEUE),
        "outbox": Table(whose=_MINE, app=_QUEUE),
        "conversations": Table(whose=_MINE, app="SELECT, INSERT, UPDATE, DELETE"),
        # roles of people
        "audit": Table(whose=f"who = {ME}", app="SELECT, INSERT"),
        "role_changes": Table(whose=_MINE, app="SELECT, INSERT"),
        "roles": Table(whose=NOBODYS, app="SELECT"),
        "owner_codes": Table(whose=NOBODYS, app="SELECT, INSERT"),
        "owner_tries": Table(whose=_MINE, app="SELECT, INSERT"),
        # money in and out
        "outputs": Table(whose=f"sender = {ME}", app="SELECT, INSERT"),
        "kept_outputs": Table(
            whose=f"sender = {ME}", app="SELECT, INSERT, UPDATE (state, settled_by)", web="SELECT"
        ),
        "pending_deposits": Table(whose=_MINE, app="SELECT, INSERT, UPDATE (state)", web="SELECT"),
        "free_outputs": Table(whose=NOBODYS, app="SELECT"),
        "deposit_intents": Table(whose=_MINE, app="SELECT, INSERT, UPDATE (paid_by)", web="SELECT"),
        "payouts": Table(whose=_MY_PAYOUT, app="SELECT, INSERT, UPDATE"),
        "reservations": Table(whose=_OF_MY_PAYOUT, app="SELECT, INSERT, DELETE"),
        # the treasury
        "treasury_addresses": Table(
            whose=NOBODYS, app="SELECT, INSERT, UPDATE (state, approved_by, changed_at)"
        ),
        "treasury_transfers": Table(whose=NOBODYS, app="SELECT, INSERT, UPDATE"),
        "float_wants": Table(whose=NOBODYS, app="SELECT, INSERT, UPDATE (amount, wanted_at), DELETE"),
        "confirmations": Table(whose=_MINE, app="SELECT, INSERT, UPDATE (used_at)"),
        "freezes": Table(whose=NOBODYS, app="SELECT, INSERT, UPDATE (lifted_at, lifted_by)", angel="SELECT"),
        "doors": Table(whose=NOBODYS),  # locked by functions alone
        "closings": Table(whose=NOBODYS, app="SELECT, INSERT, UPDATE (state, began_at, closed_at, over_at)"),
        # sealed keys: written by the owner's commands alone
        "master_keys": Table(whose=NOBODYS, app="SELECT"),
        "secrets": Table(
            whose=NOBODYS,
            app="SELECT",
            apps_rows="kind = 'session_key'",
            angel="SELECT",
            angels_rows="kind = 'angel_key'",
        ),
        # fees
        "fee_schedules": Table(whose=NOBODYS, app="SELECT, INSERT", web="SELECT"),
        "service_fees": Table(whose=_MINE, app="SELECT, INSERT", web="SELECT"),
        "fee_faults": Table(whose=NOBODYS, app="SELECT"),
        # trading
        "markets": Table(whose=NOBODYS, app="SELECT, INSERT, UPDATE", angel="SELECT", web="SELECT"),
        "runs": Table(
            whose=_MINE,
            app="SELECT, INSERT, UPDATE (state, base_end, quote_end, mid_end, anchored_at, stopped_at, "
            "trouble, told_seq, told_at, config_version, preset)",
            angel="SELECT",
            web="SELECT",
        ),
        "conversions": Table(
            whose=_MINE,
            app="SELECT, INSERT, UPDATE (state, reason, amount, began_at, ended_at, spent, received)",
        ),
        "recoveries": Table(
            whose=_OF_MY_RUN, app="SELECT, INSERT, UPDATE (ended_at, outcome, reason, counts)"
        ),
        "run_configs": Table(whose=_OF_MY_RUN, app="SELECT, INSERT", web="SELECT"),
        "order_intents": Table(whose=_OF_MY_RUN, app="SELECT, INSERT, UPDATE", angel="SELECT", web="SELECT"),
        "asked_orders": Table(whose=_OF_MY_RUN, app="SELECT, INSERT", angel="SELECT"),
        "fills": Table(whose=_OF_MY_RUN, app="SELECT, INSERT", angel="SELECT", web="SELECT"),
        "fill_versions": Table(whose=_OF_MY_FILL, app="SELECT, INSERT", web="SELECT"),
        "fills_now": Table(whose=NOBODYS, app="SELECT"),
        "fee_charges": Table(whose=_OF_MY_RUN, app="SELECT, INSERT, UPDATE (state, price, charged)"),
        "halts": Table(whose=NOBODYS, app="SELECT, INSERT, UPDATE (lifted_at, lifted_by)", angel="SELECT"),
        "account_looks": Table(
            whose=NOBODYS, app="SELECT, INSERT, UPDATE", angel="SELECT (account, dead_man)"
        ),
        "stops": Table(whose=NOBODYS, app="SELECT, INSERT, UPDATE (carried_out_at, runs, conversions)"),
        "drills": Table(whose=NOBODYS, app="SELECT, INSERT", web="SELECT"),
        "candles": Table(whose=NOBODYS, app="SELECT, INSERT", web="SELECT"),
        "traded": Table(whose=NOBODYS, app="SELECT, INSERT, UPDATE"),
        # pages of a person's own: the web opens links and continues visits by functions alone
        "page_links": Table(whose=_MINE, app="SELECT, INSERT, UPDATE (ended_at), DELETE"),
        # looking whether everything lies where the books say
        "angel_entries": Table(whose=NOBODYS, app="SELECT", angel="SELECT"),
        "reconciliations": Table(
            whose=NOBODYS, app="SELECT, INSERT", angel="SELECT", web="SELECT (id, scope, at, outcome)"
        ),
        "reconciliation_requests": Table(whose=NOBODYS, app="SELECT, INSERT"),
        "births": Table(whose=NOBODYS, app="SELECT"),
        "reconciliation_ages": Table(whose=NOBODYS, app="SELECT", angel="SELECT"),
        "orphan_trades": Table(whose=NOBODYS, app="SELECT, INSERT, DELETE"),
        "trade_cursors": Table(whose=NOBODYS, app="SELECT, INSERT, UPDATE", angel="SELECT"),
    }
)
"""Tables and views."""

_TRIGGER: frozenset[Role] = frozenset()  # called by triggers, which ask for no right
_INNER: frozenset[Role] = frozenset()  # called by functions of ours, with their owner's rights
_APP = frozenset({Role.APP, Role.WORKERS})

FUNCTIONS = MappingProxyType(
    {
        "post_transfers": _APP,
        "make_holds": _APP,
        "use_hold": _APP,
        "release_hold": _APP,
        "release_holds": _APP,
        "account_text": _APP,
        "spare_in_mixin": _APP,
        "forget_person": _APP,
        "forget_late_word": _TRIGGER,
        "lock_accounts": _INNER,
        "lock_hold": _INNER,
        "open_link": frozenset({Role.WEB}),
        "go_on_visiting": frozenset({Role.WEB}),
        "end_visit": frozenset({Role.WEB}),
        "visit_lasts": _APP,
        "my_runs_totals": frozenset({Role.WEB}),
        "forget_links": _TRIGGER,
        "lease_clock": _APP | {Role.WEB, Role.ANGEL},
        "refuse_other_release": _APP,
        "check_lease": _TRIGGER,
        "refuse_change": _TRIGGER,
        "refuse_outside_migration": _TRIGGER,
        "check_edge": _TRIGGER,
        "fee_clock": _APP,
        "check_fee_schedule": _TRIGGER,
        "check_service_fee": _TRIGGER,
        "check_taking": _TRIGGER,
        "check_payout_is_promised": _TRIGGER,
        "check_taking_is_due": _TRIGGER,
        "require_fee_posting": _TRIGGER,
        "require_fee_version": _TRIGGER,
        "check_venue_account": _TRIGGER,
        "complete_account": _TRIGGER,
        "open_balance": _TRIGGER,
        "guard_balance": _TRIGGER,
        "book_postings": _TRIGGER,
        "require_postings": _TRIGGER,
        "check_hold": _TRIGGER,
        "book_new_holds": _TRIGGER,
        "book_changed_holds": _TRIGGER,
        "payout_keeps_its_word": _TRIGGER,
        "reservation_follows_payout": _TRIGGER,
        "guard_free_output": _TRIGGER,
        "free_output": _TRIGGER,
        "take_free_output": _TRIGGER,
        "check_new_intents": _TRIGGER,
        "write_orders": _APP,
        "check_intent_stays": _TRIGGER,
        "check_link": _TRIGGER,
        "check_halt": _TRIGGER,
        "check_recovery": _TRIGGER,
        "check_freeze": _TRIGGER,
        "check_kept_output": _TRIGGER,
        "check_treasury_address": _TRIGGER,
        "check_treasury_transfer": _TRIGGER,
        "check_master_key": _TRIGGER,
        "check_secret": _TRIGGER,
        "check_role_change": _TRIGGER,
        "check_orders_of_kind": _TRIGGER,
        "check_asked_order": _TRIGGER,
        "check_angels_lease": _TRIGGER,
        "angel_act": frozenset({Role.ANGEL}),
        "say_stop": frozenset({Role.STOP}),
        "check_stop": _TRIGGER,
        "new_begins": _APP,
        "shut_door": _TRIGGER,
        "refuse_while_stop_stands": _TRIGGER,
        "angel_alive": _INNER,
        "angel_heard": _INNER,
        "angel_order": _INNER,
        "angel_halts": _INNER,
        "angel_tells": _INNER,
    }
)
"""Who may call a function; the rest are called by triggers or by functions."""

DEFINERS = frozenset(
    {
        *("post_transfers", "make_holds", "use_hold", "release_hold", "release_holds"),
        *("free_output", "take_free_output", "forget_person"),
        *("open_link", "go_on_visiting", "end_visit", "my_runs_totals", "angel_act"),
        *("say_stop", "new_begins", "shut_door"),
    }
)
"""Functions with their owner's rights: each saves the app, or the web, a right to write a table."""

SEARCH_PATH = "pg_catalog, public, pg_temp"
"""Of every function, so that a temporary table of the same name never stands before ours."""

_APPS_SESSIONS = {
    "lock_timeout": "5s",
    "idle_in_transaction_session_timeout": "5s",
    "transaction_timeout": "40s",
}
"""A worker that freezes inside a transaction has its lease's row: it is let go before the Angel comes."""

_BRIEF = {
    "lock_timeout": "2s",
    "statement_timeout": "2s",
    "idle_in_transaction_session_timeout": "5s",
}

SETTINGS = MappingProxyType(
    {
        Role.MIGRATE: {"lock_timeout": "10s"},
        Role.APP: _APPS_SESSIONS,
        Role.WORKERS: _APPS_SESSIONS,
        Role.ANGEL: _BRIEF,
        Role.WEB: {
            "lock_timeout": "2s",
            "statement_timeout": "5s",
            "idle_in_transaction_session_timeout": "5s",
            "default_transaction_read_only": "on",
        },
        Role.STOP: _BRIEF,
        Role.POLLER: _BRIEF,
    }
)
"""PG6: how long a role's sessions wait and dawdle, unless they say otherwise."""
