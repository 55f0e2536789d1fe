"""The secrets that must not be in anything that goes to the outside."""

from bridle.config.providers import UNSAID
from bridle.errors import CredentialError
from bridle.gateway.providers import resolve
from bridle.harness.bench import Bench


def learn_secrets(bench: Bench) -> None:
    """Tell the step's redactor the forge's token and every provider's key; texts are searched for them."""
    step = bench.step
    bench.mirror.remote  # noqa: B018 (making it tells the redactor its token)
    if step.settings.answered_by != "live":
        return
    roles = step.roles
    wanted = {
        (model, role.connection if model == role.model else None)
        for role in roles.roles.values()
        for model in (role.model, *role.fallback)
    }
    for model, connection in sorted(wanted, key=str):
        try:
            provider, _ = resolve(model, connection, roles.providers.get(model.partition(":")[0], UNSAID))
        except CredentialError:
            continue  # a role that nobody has given a key has none to leak
        if provider.key:
            step.ledger.redactor.add(provider.key)
