"""What a STOP means to whoever is just beginning or sending, and accounts that nobody took after a deploy."""

from tortoise import BaseDBAsyncClient

RUN_IN_TRANSACTION = True

DOORS = """
CREATE TABLE doors (name VARCHAR(16) NOT NULL PRIMARY KEY CHECK (name = 'new'));
COMMENT ON TABLE doors IS
    'WI1: one row to lock: whoever begins something new shares it, whoever stops all that is new has it alone';
INSERT INTO doors VALUES ('new');
CREATE TRIGGER doors_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON doors
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION new_begins() RETURNS BOOLEAN LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM doors WHERE name = 'new' FOR SHARE;
    RETURN NOT EXISTS (SELECT FROM freezes WHERE scope = 'new' AND lifted_at IS NULL);
END $$;
COMMENT ON FUNCTION new_begins() IS
    'WI1: whether anything new may begin; it stays so until the transaction ends, and who stops it waits for that';

CREATE FUNCTION shut_door() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM doors WHERE name = NEW.scope FOR UPDATE;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION shut_door() IS
    'WI1: what is begun while this commits has begun before it, and is seen, or is refused';
CREATE TRIGGER freezes_shut_door BEFORE INSERT ON freezes
    FOR EACH ROW WHEN (NEW.scope = 'new') EXECUTE FUNCTION shut_door();
"""

STOPS = """
CREATE FUNCTION refuse_while_stop_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM stops WHERE carried_out_at IS NULL)
       AND EXISTS (SELECT FROM laid)
       AND current_user <> (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID)
    THEN
        RAISE EXCEPTION USING ERRCODE = 'MM012', MESSAGE = 'stop_stands', DETAIL = '{}';
    END IF;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION refuse_while_stop_stands() IS
    'design 8: from the commit of a STOP on no worker sends anything, whoever carries it out and when';
CREATE TRIGGER order_intents_stop AFTER INSERT ON order_intents REFERENCING NEW TABLE AS laid
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_while_stop_stands();
"""

UNATTENDED = """
CREATE VIEW unattended AS
    SELECT substr(l.scope, 7) AS account, greatest(0, extract(epoch FROM lease_clock() - l.renewed_at))::float8 AS for_s
    FROM leases l
    WHERE l.scope LIKE 'venue:%' AND l.state <> 'held' AND (
        EXISTS (SELECT FROM runs r WHERE r.account = substr(l.scope, 7)
                AND r.state IN ('running', 'halted', 'recovering', 'stopping'))
        OR EXISTS (SELECT FROM order_intents o WHERE o.account = substr(l.scope, 7) AND NOT o.settled));
COMMENT ON VIEW unattended IS
    'accounts with runs or orders that were given back in order, and taken by nobody since; it names no person';
"""


async def upgrade(db: BaseDBAsyncClient) -> str:
    """Return the change."""
    return DOORS + STOPS + UNATTENDED


async def downgrade(db: BaseDBAsyncClient) -> str:
    """Return nothing: we only go forward."""
    return ""
