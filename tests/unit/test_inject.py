"""A pod in, a patch or a reason out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonpatch
import kubernetes_validate
import pytest
import yaml

from tests.pod_security import baseline, restricted
from tests.unit.inject.pods import NEW, OLD, RESTRICTED, container, namespace, pod, settings
from tokmeter.config.document import parse
from tokmeter.config.load import check
from tokmeter.inject import Cluster, Namespace, Outcome, Reason, apply, inject

VERSIONS = [f"1.{minor}" for minor in range(28, 38)]
STATUS = "tokmeter.io/status"
BASE_URL = pod({"tokmeter.io/mode": "base-url"})


def injected(written: dict[str, Any], where: Namespace | None = None, cluster: Cluster = NEW) -> dict[str, Any]:
    outcome = inject(written, where or namespace(), settings(), cluster)
    assert outcome.reason == Reason.INJECTED, outcome.message
    return apply(written, outcome.patch)


def refused(written: Any, where: Namespace | None = None, more: str = "") -> Outcome:
    outcome = inject(written, where or namespace(), settings(more), NEW)
    assert outcome.patch == []
    return outcome


def named(written: dict[str, Any], name: str) -> dict[str, Any]:
    spec = written["spec"]
    found: dict[str, Any] = next(c for c in [*spec.get("initContainers", []), *spec["containers"]] if c["name"] == name)
    return found


def environment(written: dict[str, Any], name: str) -> dict[str, str]:
    return {variable["name"]: variable.get("value") for variable in named(written, name).get("env", [])}


def test_a_native_sidecar_is_the_first_of_the_init_containers() -> None:
    found = injected(pod(initContainers=[container("migrate")]))

    assert [c["name"] for c in found["spec"]["initContainers"]] == ["tokmeter-init", "tokmeter", "migrate"]
    assert named(found, "tokmeter")["restartPolicy"] == "Always"
    assert named(found, "tokmeter")["startupProbe"]["httpGet"] == {"path": "/readyz", "port": 15490}
    assert environment(found, "migrate")["SSL_CERT_FILE"] == "/run/tokmeter/trust/bundle.pem"


def test_a_classic_sidecar_is_the_first_container_and_lets_the_others_wait() -> None:
    written = pod(initContainers=[container("migrate")])
    outcome = inject(written, namespace(), settings(), OLD)
    found = apply(written, outcome.patch)

    assert [c["name"] for c in found["spec"]["initContainers"]] == ["tokmeter-init", "migrate"]
    assert [c["name"] for c in found["spec"]["containers"]] == ["tokmeter", "app"]
    assert "restartPolicy" not in named(found, "tokmeter")
    assert named(found, "tokmeter")["lifecycle"]["postStart"]["exec"]["command"][:3] == ["tokmeter", "proxy", "--await"]
    # What runs before the proxy must not be pointed at files that are not there yet.
    assert named(found, "migrate") == container("migrate")
    assert any("init containers run before" in warning for warning in outcome.warnings)


def test_the_key_of_the_authority_is_in_the_sidecar_alone() -> None:
    found = injected(pod(initContainers=[container("migrate")]))

    mounts = {
        c["name"]: {mount["name"]: mount for mount in c.get("volumeMounts", [])}
        for c in [*found["spec"]["initContainers"], *found["spec"]["containers"]]
    }
    assert [name for name, mounted in mounts.items() if "tokmeter-ca" in mounted] == ["tokmeter"]
    assert mounts["app"]["tokmeter-trust"] == mounts["migrate"]["tokmeter-trust"]
    assert mounts["app"]["tokmeter-trust"]["readOnly"]
    volumes = {volume["name"]: volume["emptyDir"] for volume in found["spec"]["volumes"]}
    assert volumes["tokmeter-ca"]["medium"] == volumes["tokmeter-trust"]["medium"] == "Memory"


def test_ours_have_no_token_of_the_application_s_service_account() -> None:
    found = injected(pod())

    for name in ("tokmeter", "tokmeter-init"):
        mounts = {mount["mountPath"]: mount["name"] for mount in named(found, name)["volumeMounts"]}
        assert mounts["/var/run/secrets/kubernetes.io/serviceaccount"] == "tokmeter-no-token"
    assert {"name": "tokmeter-no-token", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}} in found["spec"][
        "volumes"
    ]


def test_the_sidecar_s_configuration_is_one_that_it_accepts() -> None:
    found = injected(pod({"tokmeter.io/enforce": "shadow", "tokmeter.io/fail": "closed"}))

    text = environment(found, "tokmeter")["TOKMETER_CONFIGURATION"].replace("$$", "$")
    config = check(parse(text, "TOKMETER_CONFIGURATION"))
    assert (config.mode, config.proxy.fail_closed, config.proxy.mode) == ("shadow", True, "transparent")
    assert [budget.name for budget in config.budgets] == ["service-daily"]
    assert config.proxy.listen == ("127.0.0.1:15401", "[::1]:15401")
    assert config.providers[0].host == "llm.internal:8000"


def test_the_sidecar_knows_whom_it_speaks_for() -> None:
    variables = {v["name"]: v for v in named(injected(pod()), "tokmeter")["env"]}

    assert variables["TOKMETER_SERVICE"]["value"] == "checkout"
    for name, path in (
        ("POD_NAME", "metadata.name"),
        ("POD_NAMESPACE", "metadata.namespace"),
        ("POD_UID", "metadata.uid"),
    ):
        assert variables[name]["valueFrom"] == {"fieldRef": {"fieldPath": path}}
    bare = injected({"spec": {"containers": [container()]}})
    (service,) = [v for v in named(bare, "tokmeter")["env"] if v["name"] == "TOKMETER_SERVICE"]
    assert service["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}


def test_where_a_redirect_is_not_admitted_programs_are_told_of_the_proxy() -> None:
    found = injected(pod(), namespace(RESTRICTED))

    assert [c["name"] for c in found["spec"]["initContainers"]] == ["tokmeter"]
    variables = environment(found, "app")
    assert variables["HTTPS_PROXY"] == variables["https_proxy"] == "http://127.0.0.1:15401"
    assert "HTTP_PROXY" not in variables
    assert "10.96.0.1/32" in variables["NO_PROXY"]
    assert "-Dhttps.proxyPort=15401" in variables["JAVA_TOOL_OPTIONS"]


def test_a_redirected_program_is_told_of_no_proxy() -> None:
    variables = environment(injected(pod()), "app")

    assert not {"HTTPS_PROXY", "https_proxy", "NO_PROXY", "NODE_OPTIONS"} & set(variables)
    assert "proxy" not in variables["JAVA_TOOL_OPTIONS"]


def test_with_base_urls_there_is_nothing_to_trust() -> None:
    found = injected(BASE_URL, namespace(RESTRICTED))

    assert [c["name"] for c in found["spec"]["initContainers"]] == ["tokmeter"]
    assert environment(found, "app") == {
        "OPENAI_BASE_URL": "http://127.0.0.1:15401/openai/v1",
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:15401/anthropic",
        "GOOGLE_GEMINI_BASE_URL": "http://127.0.0.1:15401/gemini",
        "GROQ_BASE_URL": "http://127.0.0.1:15401/groq",
        "CO_API_URL": "http://127.0.0.1:15401/cohere",
        "TOGETHER_BASE_URL": "http://127.0.0.1:15401/together/v1",
    }
    assert "volumeMounts" not in named(found, "app")
    assert {volume["name"] for volume in found["spec"]["volumes"]} == {"tokmeter-state", "tokmeter-no-token"}
    mounted = {mount["name"] for mount in named(found, "tokmeter")["volumeMounts"]}
    assert mounted == {"tokmeter-state", "tokmeter-no-token"}


def test_what_goes_round_base_urls_is_told() -> None:
    own = [
        {"name": "OPENAI_BASE_URL", "value": "https://gateway.corp/v1"},
        {"name": "AZURE_OPENAI_ENDPOINT", "value": "https://shop.openai.azure.com"},
        {"name": "HTTP_PROXY", "value": "http://corp:3128"},
    ]
    fine = [
        {"name": "AZURE_OPENAI_ENDPOINT", "value": "http://127.0.0.1:15401/shop"},
        {"name": "HTTP_PROXY", "value": "http://corp:3128"},
        {"name": "NO_PROXY", "value": "127.0.0.1,.corp"},
    ]
    written = pod({"tokmeter.io/mode": "base-url"}, containers=[container(env=own), container("fine", env=fine)])
    outcome = inject(written, namespace(), settings(), NEW)
    found = apply(written, outcome.patch)

    code, kept, azure, proxied = outcome.warnings
    assert named(found, "app")["env"][:3] == own
    assert [v["value"] for v in named(found, "app")["env"] if v["name"] == "OPENAI_BASE_URL"] == [own[0]["value"]]
    assert "only the profile transparent" in code
    assert "sets OPENAI_BASE_URL itself" in kept
    assert "AZURE_OPENAI_ENDPOINT" in azure
    assert "sets HTTP_PROXY: add 127.0.0.1 to its NO_PROXY" in proxied
    assert not any("fine" in warning for warning in outcome.warnings)


@pytest.mark.parametrize("written", [pod(), BASE_URL], ids=["proxy-env", "base-url"])
@pytest.mark.parametrize("cluster", [NEW, OLD])
def test_variables_pass_pod_security_restricted(cluster: Cluster, written: dict[str, Any]) -> None:
    assert restricted(injected(written, namespace(RESTRICTED), cluster)) == []


def test_only_the_container_that_redirects_needs_more_than_restricted() -> None:
    found = injected(pod())

    assert baseline(found) == ["tokmeter-init: capabilities added"]
    assert {what.split(":")[0] for what in restricted(found)} == {"tokmeter-init"}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("profile", ["transparent", "proxy-env", "base-url"])
def test_the_schema_of_each_version_accepts_what_is_made(version: str, profile: str) -> None:
    major, _, minor = version.partition(".")
    written = pod({"tokmeter.io/mode": profile}, initContainers=[container("migrate")])
    found = injected(written, cluster=Cluster((int(major), int(minor))))

    kubernetes_validate.validate(found, version, strict=True)


@pytest.mark.golden
@pytest.mark.parametrize(
    ("name", "where", "cluster"),
    [
        ("transparent-1.34", namespace(), NEW),
        ("transparent-1.28", namespace(), OLD),
        ("proxy-env-1.34", namespace(RESTRICTED), NEW),
        ("proxy-env-1.28", namespace(RESTRICTED), OLD),
        ("base-url-1.34", namespace(RESTRICTED, {"tokmeter.io/mode": "base-url"}), NEW),
        ("base-url-1.28", namespace(RESTRICTED, {"tokmeter.io/mode": "base-url"}), OLD),
    ],
)
def test_patches_are_what_people_have_read(
    name: str, where: Namespace, cluster: Cluster, golden: Callable[[str, str], None]
) -> None:
    written = pod({"tokmeter.io/ports": "8443"}, initContainers=[container("migrate")])
    patch = inject(written, where, settings(), cluster).patch

    golden(f"inject/{name}.yaml", yaml.safe_dump(patch, sort_keys=False, width=120))


def test_our_application_of_a_patch_is_that_of_a_library() -> None:
    written = pod(initContainers=[container("migrate")], volumes=[{"name": "v", "emptyDir": {}}])
    patch = inject(written, namespace(), settings(), NEW).patch

    assert jsonpatch.apply_patch(written, patch) == apply(written, patch)


@pytest.mark.parametrize("written", [pod(), BASE_URL], ids=["transparent", "base-url"])
def test_what_is_injected_is_left_alone(written: dict[str, Any]) -> None:
    found = injected(written)
    outcome = inject(found, namespace(), settings(), NEW)

    assert (outcome.reason, outcome.patch, outcome.injected) == (Reason.UNCHANGED, [], True)


def test_defaults_that_an_api_server_adds_change_nothing() -> None:
    found = injected(pod())
    for kind in ("initContainers", "containers"):
        for each in found["spec"][kind]:
            each |= {"terminationMessagePath": "/dev/termination-log"}
    found["spec"]["volumes"].append({"name": "kube-api-access", "projected": {"sources": []}})

    assert inject(found, namespace(), settings(), NEW).reason == Reason.UNCHANGED


def test_a_container_that_came_later_gets_what_it_lacks_and_nothing_else_changes() -> None:
    found = injected(pod())
    late = json.loads(json.dumps(found))
    late["spec"]["containers"].append(container("late"))
    late["spec"]["containers"].insert(0, container("early"))

    outcome = inject(late, namespace(), settings(), NEW)
    complete = apply(late, outcome.patch)

    assert {operation["path"].rsplit("/", 1)[0] for operation in outcome.patch} <= {
        "/spec/containers/0",
        "/spec/containers/2",
    }
    assert environment(complete, "late") == environment(complete, "early") == environment(found, "app")
    assert inject(complete, namespace(), settings(), NEW).reason == Reason.UNCHANGED


def test_what_other_settings_injected_is_not_mended() -> None:
    found = injected(pod())

    assert refused(found, more="uid: 1339\n").reason == Reason.INJECTED_OTHERWISE


def test_a_status_alone_is_no_proof() -> None:
    found = injected(pod())
    told = found["metadata"]["annotations"][STATUS]

    assert refused(pod({STATUS: told})).reason == Reason.INVALID_ANNOTATION
    named(found, "tokmeter")["env"][0]["value"] = "mode: off\n"
    assert refused(found).reason == Reason.NAME_TAKEN


def test_a_value_of_the_pod_s_own_is_kept_and_told() -> None:
    own = [
        {"name": "SSL_CERT_FILE", "value": "/own.pem"},
        {"name": "JAVA_TOOL_OPTIONS", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}},
        {"name": "https_proxy", "value": "http://corp:3128"},
    ]
    written = pod(containers=[container(env=own, envFrom=[{"secretRef": {"name": "keys"}}])])
    outcome = inject(written, namespace(RESTRICTED), settings(), NEW)
    found = apply(written, outcome.patch)

    assert named(found, "app")["env"][:3] == own
    names = [variable["name"] for variable in named(found, "app")["env"]]
    assert len(names) == len(set(names))
    # The other spelling would take the program away from its own proxy.
    assert "HTTPS_PROXY" not in names
    kept, sourced = outcome.warnings
    assert "SSL_CERT_FILE, https_proxy, JAVA_TOOL_OPTIONS" in kept
    assert "envFrom" in sourced
    assert json.loads(found["metadata"]["annotations"][STATUS])["warnings"] == list(outcome.warnings)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        (pod(hostNetwork=True), "host_network"),
        (pod(os={"name": "windows"}), "windows"),
        (pod(nodeSelector={"kubernetes.io/os": "windows"}), "windows"),
        (pod({"kubernetes.io/config.mirror": "abc"}), "mirror_pod"),
        (pod({"kubernetes.io/config.source": "file"}), "mirror_pod"),
        (pod(containers=[container(securityContext={"runAsUser": 1338})]), "uid_clash"),
        (pod(securityContext={"runAsUser": 1338}), "uid_clash"),
        (pod(initContainers=[container(securityContext={"runAsUser": 1338})]), "uid_clash"),
        (pod(containers=[container(ports=[{"containerPort": 15490}])]), "port_clash"),
        (pod(containers=[container("tokmeter")]), "name_taken"),
        (pod(volumes=[{"name": "tokmeter-ca", "emptyDir": {}}]), "name_taken"),
        (pod(containers=[container(volumeMounts=[{"name": "v", "mountPath": "/run/tokmeter/trust/"}])]), "name_taken"),
        (pod({"tokmeter.io/budget": "rich"}), "budget_not_allowed"),
        (pod({"tokmeter.io/budget": " , "}), "invalid_annotation"),
        (pod({"tokmeter.io/mode": "transparnet"}), "invalid_annotation"),
        (pod({"tokmeter.io/port": "443"}), "invalid_annotation"),
        (pod({"tokmeter.io/budgets": "rich"}), "invalid_annotation"),
        (pod({"tokmeter.io/ports": "70000"}), "invalid_annotation"),
        (pod({"tokmeter.io/skip-cidrs": "10.0.0.1/8"}), "invalid_annotation"),
        ({"spec": {"containers": []}}, "malformed"),
        ({"spec": {"containers": [{"name": 1}]}}, "malformed"),
        ({"spec": None}, "malformed"),
        ({}, "malformed"),
    ],
)
def test_a_refusal_has_its_reason_and_a_sentence(written: dict[str, Any], reason: str) -> None:
    outcome = refused(written)

    assert outcome.reason == reason
    assert not outcome.injected
    assert len(outcome.message) > 20
    assert "\n" not in outcome.message


def test_a_user_of_a_container_s_own_is_no_clash_with_that_of_the_pod() -> None:
    written = pod(securityContext={"runAsUser": 1338}, containers=[container(securityContext={"runAsUser": 1000})])

    assert inject(written, namespace(), settings(), NEW).injected


def test_what_can_go_round_is_told() -> None:
    netting = container("net", securityContext={"capabilities": {"add": ["net_admin"]}})
    privileged = container("all", securityContext={"privileged": True})
    outcome = inject(pod(hostPID=True, containers=[netting, privileged]), namespace(), settings(), NEW)

    told = "\n".join(outcome.warnings)
    assert outcome.injected
    assert all(word in told for word in ("hostPID", "NET_ADMIN", "privileged"))


@pytest.mark.parametrize(
    ("labels", "own", "reason"),
    [
        ({}, {}, "not_requested"),
        ({"tokmeter.io/inject": "enabled"}, {}, "injected"),
        ({"tokmeter.io/inject": "disabled"}, {}, "disabled"),
        ({}, {"tokmeter.io/inject": "enabled"}, "injected"),
        ({"tokmeter.io/inject": "enabled"}, {"tokmeter.io/inject": "disabled"}, "disabled"),
        ({"tokmeter.io/inject": "disabled"}, {"tokmeter.io/inject": "enabled"}, "injected"),
        ({"tokmeter.io/inject": "true"}, {}, "invalid_annotation"),
    ],
)
def test_the_pod_s_label_wins_over_that_of_its_namespace(
    labels: dict[str, str], own: dict[str, str], reason: str
) -> None:
    written = pod()
    written["metadata"]["labels"] |= own

    assert inject(written, Namespace("shop", labels), settings(), NEW).reason == reason


def test_an_annotation_where_a_label_is_meant_is_told() -> None:
    outcome = inject(pod({"tokmeter.io/inject": "enabled"}), Namespace("shop"), settings(), NEW)

    assert outcome.reason == "invalid_annotation"
    assert "label" in outcome.message


def test_excluded_namespaces_are_left_alone_whatever_they_say() -> None:
    where = Namespace("kube-system", {"tokmeter.io/inject": "enabled"})

    assert inject(pod(), where, settings(), NEW).reason == Reason.EXCLUDED_NAMESPACE


def test_native_sidecars_may_be_forced_either_way() -> None:
    never = inject(pod(), namespace(), settings("native_sidecar: never\n"), NEW)
    always = inject(pod(), namespace(), settings("native_sidecar: always\n"), OLD)

    assert "/spec/containers/0" in {operation["path"] for operation in never.patch}
    assert "/spec/containers/0" not in {operation["path"] for operation in always.patch}


def test_dollars_of_the_configuration_are_not_filled_in_by_kubernetes() -> None:
    written = pod()
    written["metadata"]["labels"]["app"] = "$(HOME)"

    found = injected(written)

    assert environment(found, "tokmeter")["TOKMETER_SERVICE"] == "$$(HOME)"
