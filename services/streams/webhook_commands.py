"""Commands about webhooks: an integrator's own, and for operators those of all."""

from datetime import timedelta
from typing import Annotated, Any

import typer
from rich.table import Table

from services.streams.platform import (
    AsJson,
    Origin,
    Platform,
    console,
    out,
    pages,
    show,
)

webhooks = typer.Typer(help="Where events are sent to: endpoints, their secrets, their deliveries.")

WebhookId = Annotated[str, typer.Argument(help="The webhook's id; `webhooks list` shows them.")]
_MINE = "INTEGRATOR_KEY"
_OPERATOR = "OPERATOR_KEY"


@webhooks.command("add")
def add(
    origin: Origin,
    url: Annotated[str, typer.Argument(help="Where to send events: https://…")],
    stream: Annotated[list[str] | None, typer.Option(help="Only these streams.")] = None,
    type: Annotated[  # noqa: A002  (the option's name)
        list[str] | None, typer.Option(help="Only these types, such as match.accepted.")
    ] = None,
    city: Annotated[list[str] | None, typer.Option(help="Only these municipalities.")] = None,
    after: Annotated[
        int | None, typer.Option(help="Send what stands behind this position; else from now on.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """A new webhook; its secret is shown once. Needs INTEGRATOR_KEY."""
    wanted = {"streams": stream or [], "types": type or [], "cities": city or []}
    body = {"url": url, "wanted": wanted, "after": after}
    made = Platform(origin, _MINE).ask("POST", "/webhooks", body=body)
    show(made, as_json, _table([made]))
    _show_secret(made, as_json=as_json)


@webhooks.command("list")
def list_own(origin: Origin, *, as_json: AsJson = False) -> None:
    """Your webhooks and how they are. Needs INTEGRATOR_KEY."""
    found = Platform(origin, _MINE).ask("GET", "/webhooks")["webhooks"]
    show(found, as_json, _table(found))


@webhooks.command("list-all")
def list_all(origin: Origin, *, as_json: AsJson = False) -> None:
    """Every grant's webhooks, without addresses. Needs OPERATOR_KEY."""
    found = pages(Platform(origin, _OPERATOR), "/operators/webhooks", "webhooks")
    show(found, as_json, _table(found))


@webhooks.command("deliveries")
def deliveries(
    origin: Origin,
    webhook_id: WebhookId,
    limit: Annotated[int, typer.Option(min=1, max=500)] = 20,
    *,
    as_json: AsJson = False,
) -> None:
    """The newest attempts to deliver. Needs INTEGRATOR_KEY."""
    path = f"/webhooks/{webhook_id}/deliveries"
    found = Platform(origin, _MINE).ask("GET", path, params={"limit": limit})["deliveries"]
    table = Table(title="Deliveries, the newest first")
    columns = ("at", "type", "position", "attempt", "verdict", "status", "error", "seconds")
    for column in columns:
        table.add_column(column)
    for one in found:
        table.add_row(*("" if one[name] is None else str(one[name]) for name in columns))
    show(found, as_json, table)


@webhooks.command("test")
def try_out(origin: Origin, webhook_id: WebhookId, *, as_json: AsJson = False) -> None:
    """Sends a test event now; ends with 1 if it did not get through. Needs INTEGRATOR_KEY."""
    tested = Platform(origin, _MINE).ask("POST", f"/webhooks/{webhook_id}/test")
    said = tested["status"] if tested["status"] is not None else tested["error"]
    table = Table("delivered", "answer", "seconds", title="Test event")
    table.add_row(str(tested["delivered"]), str(said), str(tested["seconds"]))
    show(tested, as_json, table)
    if not tested["delivered"]:
        raise typer.Exit(1)


@webhooks.command("pause")
def pause(origin: Origin, webhook_id: WebhookId, *, as_json: AsJson = False) -> None:
    """Sends nothing until it is resumed; nothing is lost. Needs INTEGRATOR_KEY."""
    _act(origin, _MINE, f"/webhooks/{webhook_id}/pause", as_json=as_json)


@webhooks.command("resume")
def resume(
    origin: Origin,
    webhook_id: WebhookId,
    *,
    as_operator: Annotated[
        bool, typer.Option("--as-operator", help="With OPERATOR_KEY, anybody's.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Goes on where it stopped. Needs INTEGRATOR_KEY, or OPERATOR_KEY with --as-operator."""
    key, path = (_OPERATOR, "/operators") if as_operator else (_MINE, "")
    _act(origin, key, f"{path}/webhooks/{webhook_id}/resume", as_json=as_json)


@webhooks.command("disable")
def disable(origin: Origin, webhook_id: WebhookId, *, as_json: AsJson = False) -> None:
    """Sends nothing until an operator resumes it. Needs OPERATOR_KEY."""
    _act(origin, _OPERATOR, f"/operators/webhooks/{webhook_id}/disable", as_json=as_json)


@webhooks.command("redeliver")
def redeliver(
    origin: Origin,
    webhook_id: WebhookId,
    after: Annotated[int, typer.Option(min=0, help="Send what stands behind this position.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Goes back to a position, and sends all behind it again. Needs INTEGRATOR_KEY."""
    body = {"after": after}
    _act(origin, _MINE, f"/webhooks/{webhook_id}/position", body, as_json=as_json)


@webhooks.command("rotate")
def rotate(
    origin: Origin,
    webhook_id: WebhookId,
    overlap_hours: Annotated[
        int,
        typer.Option(min=0, max=24 * 7, help="How long the old secret signs beside the new one."),
    ] = timedelta(days=1) // timedelta(hours=1),
    *,
    as_json: AsJson = False,
) -> None:
    """A new secret, shown once. Needs INTEGRATOR_KEY."""
    body = {"overlap_hours": overlap_hours}
    made = Platform(origin, _MINE).ask("POST", f"/webhooks/{webhook_id}/secret", body=body)
    show(made, as_json, _table([made]))
    _show_secret(made, as_json=as_json)


@webhooks.command("remove")
def remove(origin: Origin, webhook_id: WebhookId) -> None:
    """Ends it, and forgets it. Needs INTEGRATOR_KEY."""
    Platform(origin, _MINE).ask("DELETE", f"/webhooks/{webhook_id}")
    console.print("It is removed.")


def _act(origin: str, key: str, path: str, body: Any = None, *, as_json: bool) -> None:
    done = Platform(origin, key).ask("POST", path, body=body)
    show(done, as_json, _table([done]))


def _table(webhooks_found: list[Any]) -> Table:
    table = Table(title="Webhooks")
    for column in (
        "webhook",
        "grant or address",
        "state",
        "position",
        "behind",
        "waiting",
        "delivered",
        "failing since",
    ):
        table.add_column(column)
    for one in webhooks_found:
        reason = f" ({one['disabled_for']})" if one["disabled_for"] else ""
        table.add_row(
            one["webhook_id"],
            one.get("url") or one.get("grant_id"),
            one["state"] + reason,
            str(one["position"]),
            str(one["behind"]),
            str(one["matches_waiting"]),
            f"{one['delivered']:,}",
            one["failing_since"] or "",
        )
    return table


def _show_secret(made: Any, *, as_json: bool) -> None:
    if not as_json:
        console.print("This secret is shown once; receivers check signatures with it:")
        out.print(made["secret"], markup=False, soft_wrap=True, highlight=False)
