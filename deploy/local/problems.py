"""Problem documents (RFC 9457) of the origin."""

from starlette.responses import JSONResponse


def problem(status: int, title: str, detail: str, *, retry_after_s: int = 0) -> JSONResponse:
    """The answer to a request that cannot be served; `Retry-After` where trying again may help."""
    return JSONResponse(
        {"type": "about:blank", "title": title, "status": status, "detail": detail},
        status_code=status,
        media_type="application/problem+json",
        headers={"retry-after": str(retry_after_s)} if retry_after_s else None,
    )
