"""What Mixin says when it says no."""


class ApiError(Exception):
    """A business error; it travels with HTTP 202 and this body."""

    def __init__(self, code: int, description: str, **extra: object) -> None:
        super().__init__(f"{code} {description} {extra or ''}".strip())
        self.code = code
        self.description = description
        self.extra = extra

    def body(self) -> dict[str, object]:
        error: dict[str, object] = {"status": 202, "code": self.code, "description": self.description}
        if self.extra:
            error["extra"] = self.extra
        return {"error": error}


class TooLarge(Exception):
    """A proxy in front of the API refuses the body; it answers HTTP 413 in HTML."""


def unparsable(reason: str) -> ApiError:
    return ApiError(400, "The request body can't be parsed as valid data.", reason=reason)


def unauthorized(reason: str) -> ApiError:
    return ApiError(401, "Unauthorized, maybe invalid token.", reason=reason)


def forbidden(reason: str) -> ApiError:
    return ApiError(403, "Access forbidden.", reason=reason)


def missing(what: str = "endpoint") -> ApiError:
    return ApiError(404, "The endpoint is not found.", reason=f"no such {what}")


def invalid(field: str, reason: str) -> ApiError:
    return ApiError(10002, "Invalid field.", field=field, reason=reason)


def locked(reason: str) -> ApiError:
    return ApiError(10105, reason)
