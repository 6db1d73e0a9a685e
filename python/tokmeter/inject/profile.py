"""How traffic comes to the sidecar: which profile a pod gets. Knows Pod Security as far as that decides it."""

from tokmeter.inject.annotations import Wishes
from tokmeter.inject.outcome import Namespace, Reason, RefusedError
from tokmeter.inject.settings import Injection, Profile

POD_SECURITY = "pod-security.kubernetes.io/enforce"
"""The label by which a namespace restricts its pods; without it everything is admitted."""


def choose(wishes: Wishes, namespace: Namespace, injection: Injection) -> Profile:
    """The profile that was asked for, else the strongest that is admitted. Raises `RefusedError`."""
    level = namespace.labels.get(POD_SECURITY, "privileged")
    # The init container that redirects needs NET_ADMIN, which `baseline` already forbids.
    redirects = level == "privileged"
    asked = wishes.profile or (None if injection.profile == "auto" else injection.profile)
    if asked == "transparent" and not redirects:
        message = (
            f"the profile transparent needs NET_ADMIN, which {POD_SECURITY}={level} of the namespace forbids: "
            "use proxy-env, or leave the choice to the injector"
        )
        raise RefusedError(Reason.PROFILE_NOT_ADMITTED, message)
    return asked or ("transparent" if redirects else "proxy-env")
