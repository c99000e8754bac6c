"""What intake adds to the settings that all services share."""

from urllib.parse import urlsplit

from pydantic import SecretStr, field_validator

from shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """One process of intake."""

    requests_per_minute: int = 30
    """Of one network address, to the endpoints that anybody may call; for each process."""
    alike_answer_seconds: float = 0.25
    """Registering and asking for a link are answered at a multiple of this, whoever is known."""
    oidc_issuer: str = ""
    """The OpenID Connect provider at which coordinators and operators sign in; empty: nobody can."""
    oidc_client_id: str = ""
    oidc_client_secret: SecretStr = SecretStr("")
    oidc_scope: str = "openid email"
    oidc_operator_claim: str = ""
    """`groups=common-ground-operators`: whoever has this value in this claim is an operator."""

    @field_validator("oidc_issuer")
    @classmethod
    def _issuer_cannot_be_listened_to(cls, issuer: str) -> str:
        at = urlsplit(issuer)
        if issuer and at.scheme != "https" and at.hostname not in {"127.0.0.1", "localhost"}:
            raise ValueError("OIDC_ISSUER begins with https://, but on this machine itself.")
        return issuer
