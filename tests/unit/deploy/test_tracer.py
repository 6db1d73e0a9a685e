"""What runs the tracer on hosts and in clusters is well-formed, and asks for nothing that the command does not have."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from tokmeter.cli.commands import commands
from tokmeter.resolve import Roots

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
UNIT = DEPLOY / "systemd/tokmeter-watch.service"
DAEMON_SET = DEPLOY / "kubernetes/tracer/daemonset.yaml"
CAPABILITIES = {"SYS_ADMIN", "SYS_PTRACE", "DAC_READ_SEARCH"}


def settings() -> list[tuple[str, str]]:
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if line and line[0] not in "#[")
    return [(key, value) for key, _, value in pairs]


@pytest.fixture
def pod() -> dict[str, Any]:
    template = yaml.safe_load(DAEMON_SET.read_text(encoding="utf-8"))["spec"]["template"]
    found: dict[str, Any] = template["spec"]
    return found


@pytest.fixture
def container(pod: dict[str, Any]) -> dict[str, Any]:
    (only,) = pod["containers"]
    found: dict[str, Any] = only
    return found


def parsed(words: list[str]) -> dict[str, Any]:
    """The options as the command takes them; nothing is run."""
    program, name, *options = words
    assert Path(program).name == "tokmeter"
    context = click.Context(commands, info_name="tokmeter")
    command = commands.get_command(context, name)
    assert command is not None
    with command.make_context(name, options, parent=context) as made:
        return made.params


def test_the_unit_runs_a_command_that_exists() -> None:
    (command,) = [value for key, value in settings() if key == "ExecStart"]

    asked = parsed(shlex.split(command))

    assert asked["everybody"]
    assert asked["metrics"] == "127.0.0.1:15491"


def test_the_unit_has_the_privileges_that_are_explained() -> None:
    (bounding,) = [value for key, value in settings() if key == "CapabilityBoundingSet"]
    comments = [line for line in UNIT.read_text(encoding="utf-8").splitlines() if line.startswith("#   CAP_")]

    assert set(bounding.split()) == {f"CAP_{name}" for name in CAPABILITIES} == {line.split()[1] for line in comments}


def test_each_setting_of_the_unit_stands_once() -> None:
    keys = [key for key, _ in settings()]

    assert sorted(keys) == sorted(set(keys))


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("needs systemd-analyze")
    # With a program that is there; the place of ours is a decision of who installs it.
    unit = tmp_path / UNIT.name
    unit.write_text(
        UNIT.read_text(encoding="utf-8").replace("/opt/tokmeter/bin/tokmeter", "/bin/true"), encoding="utf-8"
    )

    checked = subprocess.run(
        [analyze, "verify", "--man=no", unit], capture_output=True, check=False, text=True, timeout=60
    )

    assert [line for line in checked.stderr.splitlines() if UNIT.name in line] == []


def test_the_daemon_set_runs_a_command_that_exists(container: dict[str, Any]) -> None:
    asked = parsed([*container["command"], *container["args"]])

    assert asked["everybody"]
    assert asked["metrics"].endswith(f":{container['ports'][0]['containerPort']}")


def test_the_daemon_set_selects_its_own_pods() -> None:
    spec = yaml.safe_load(DAEMON_SET.read_text(encoding="utf-8"))["spec"]

    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]


def test_the_daemon_set_has_no_more_privileges_than_it_needs(pod: dict[str, Any], container: dict[str, Any]) -> None:
    context = container["securityContext"]

    assert pod["automountServiceAccountToken"] is False
    assert pod["hostPID"]
    assert "hostNetwork" not in pod
    assert not context["privileged"]
    assert context["readOnlyRootFilesystem"]
    assert context["capabilities"]["drop"] == ["ALL"]
    assert set(context["capabilities"]["add"]) == CAPABILITIES


def test_the_daemon_set_mounts_what_is_looked_for_and_writes_nothing_of_the_node(
    pod: dict[str, Any], container: dict[str, Any]
) -> None:
    mounted = {mount["name"]: mount for mount in container["volumeMounts"]}
    of_node = {volume["name"]: volume["hostPath"]["path"] for volume in pod["volumes"] if "hostPath" in volume}
    roots = Roots.below(Path("/host"))
    wanted = {roots.proc, roots.cgroup, roots.pod_logs, roots.container_logs, roots.passwd}

    assert set(mounted) == {volume["name"] for volume in pod["volumes"]}
    assert all(mounted[name]["readOnly"] for name in of_node)
    assert {Path(mounted[name]["mountPath"]) for name in of_node} == wanted | {Path("/sys/kernel/tracing")}
    # Below the root that the command is told, everything lies where it does on the node.
    below = [(mounted[name]["mountPath"].removeprefix("/host"), path) for name, path in of_node.items()]
    assert [inside for inside, path in below if inside != path] == []
