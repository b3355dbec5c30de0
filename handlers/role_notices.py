"""How roles, the first owner's code and the audit are said."""

from bot.replies import GREEN, Buttons, Reply, Text, sends
from bot.words import Words
from handlers.wording import Params, Render, lines, records, text


def render_whoami(words: Words, params: Params) -> list[Reply]:
    """Tell a person's id, role, and what that lets them do."""
    role = str(params["role"])
    return [lines(words("whoami", **{**params, "role": words(f"role_{role}")}), words(f"role_may_{role}"))]


def render_roles(words: Words, params: Params) -> list[Reply]:
    """List people who are more than users."""
    people = [
        words("roles_line", **{**one, "role": words(f"role_{one['role']}")})
        for one in records(params, "people")
    ]
    return [lines(words("roles_title"), *people, words("roles_more"))]


def render_role_confirm(words: Words, params: Params) -> list[Reply]:
    """Show a change of role with the one button that makes it."""
    order, user_id, token = (str(params[name]) for name in ("order", "user_id", "token"))
    confirm = sends(words("button_confirm"), f"/role {order} {user_id} admin {token}", GREEN)
    return [Text(words(f"role_confirm_{order}", user_id=user_id)), Buttons((confirm,))]


def render_role_changed(words: Words, params: Params) -> list[Reply]:
    """Say that a role was changed."""
    return [Text(words(f"role_changed_{params['order']}", **params))]


def render_audit(words: Words, params: Params) -> list[Reply]:
    """List privileged acts, newest first."""
    acts = records(params, "acts")
    if not acts:
        return [Text(words("audit_empty"))]
    listed = [words("audit_line", **{**act, "who": act["who"] or words("audit_settings")}) for act in acts]
    return [lines(words("audit_title"), *listed)]


ROLE_NOTICES: dict[str, Render] = {
    "whoami": render_whoami,
    "roles": render_roles,
    "role_how": text("role_how"),
    "role_confirm": render_role_confirm,
    "role_changed": render_role_changed,
    "you_are_admin": text("you_are_admin"),
    "you_are_user": text("you_are_user"),
    "audit": render_audit,
    "owner_now": text("owner_now"),
    "owner_code_wrong": text("owner_code_wrong"),
    "owner_code_how": text("owner_code_how"),
    "owner_code_expired": text("owner_code_expired"),
    "owner_code_tries": text("owner_code_tries"),
    "owner_exists": text("owner_exists"),
    "owner_stays": text("owner_stays"),
    "not_allowed": text("not_allowed"),
    "person_unknown": text("person_unknown"),
    "role_own": text("role_own"),
    "role_unchanged": text("role_unchanged"),
}
