"""The Kubernetes example: correct by Kubernetes' own schema, of one mind with the image, and one p2pbot only."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from p2pbot.cli.parser import parse
from p2pbot.config import Places, parse_settings
from p2pbot.rules.ruleset import load_rules
from tests.ops.linters import lint

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "deploy/kubernetes/p2pbot.yaml"
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]["p2pbot"]
BROKEN = [("replicas: 1", "replicas: one"), ("accessModes:", "acessModes:"), ("readOnlyRootFilesystem", "readOnlyRoot")]


def objects() -> dict[str, dict[str, Any]]:
    """Return the example's objects by kind and name."""
    found = [one for one in yaml.safe_load_all(EXAMPLE.read_text("utf-8")) if one]
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in found}


def pod() -> dict[str, Any]:
    """Return the pod's specification."""
    spec: dict[str, Any] = objects()["StatefulSet/p2pbot"]["spec"]["template"]["spec"]
    return spec


def container() -> dict[str, Any]:
    """Return the only container."""
    (found,) = pod()["containers"]
    return dict(found)


def test_every_object_is_as_kubernetes_wants_it() -> None:
    """The schemas of Kubernetes know every word of it."""
    done = lint("kubernetes-validate", "--strict", str(EXAMPLE))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("right", "wrong"), BROKEN)
def test_a_wrong_word_is_noticed(tmp_path: Path, right: str, wrong: str) -> None:
    """A value of another type, and words that do not exist."""
    text = EXAMPLE.read_text("utf-8")
    assert right in text
    path = tmp_path / "wrong.yaml"
    path.write_text(text.replace(right, wrong), "utf-8")
    assert lint("kubernetes-validate", "--strict", str(path)).returncode != 0


def test_there_is_never_more_than_one() -> None:
    """One replica, and a volume that one pod alone can have."""
    spec = objects()["StatefulSet/p2pbot"]["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    assert (spec["replicas"], claim["spec"]["accessModes"]) == (1, ["ReadWriteOncePod"])


def test_it_has_no_rights() -> None:
    """The image's user by number, no capability, nothing to write but its volume, no token of the cluster."""
    (user,) = re.findall(r"^USER (\d+):\d+$", DOCKERFILE, re.MULTILINE)
    shared, own = pod()["securityContext"], container()["securityContext"]
    assert {shared[name] for name in ("runAsUser", "runAsGroup", "fsGroup")} == {int(user)}
    assert (shared["runAsNonRoot"], shared["seccompProfile"]) == (True, {"type": "RuntimeDefault"})
    wanted = {"readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    assert own == wanted
    assert pod()["automountServiceAccountToken"] is False


def test_it_is_of_one_mind_with_image_and_compose() -> None:
    """Places, time to stop and memory are those of the image and of compose.yaml."""
    mounts = {mount["name"]: mount["mountPath"] for mount in container()["volumeMounts"]}
    (state,) = re.findall(r"^VOLUME (\S+)$", DOCKERFILE, re.MULTILINE)
    assert mounts["state"] == state
    assert f"{mounts['config']}/config.yaml" in DOCKERFILE
    assert f"{pod()['terminationGracePeriodSeconds']}s" == COMPOSE["stop_grace_period"]
    assert container()["resources"]["limits"]["memory"] == COMPOSE["mem_limit"].replace("m", "Mi")
    assert container()["image"] == COMPOSE["image"]


@pytest.mark.parametrize("probe", ["startupProbe", "livenessProbe", "readinessProbe"])
def test_probes_are_commands_that_parse(probe: str) -> None:
    """Each asks for p2pbot's own health, with the configuration where it is mounted; only readiness asks for chats."""
    program, *arguments = container()[probe]["exec"]["command"]
    assert program == "p2pbot"
    parsed = parse(arguments)
    assert (parsed.config, parsed.ready) == ("/etc/p2pbot/config.yaml", probe == "readinessProbe")


def test_a_long_start_has_the_time_that_the_unit_gives_it() -> None:
    """The start's own probe gives up no sooner than systemd would."""
    unit = (ROOT / "systemd/p2pbot.service").read_text("utf-8")
    (start_s,) = re.findall(r"^TimeoutStartSec=(\d+)$", unit, re.MULTILINE)
    probe = container()["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= int(start_s)


def test_its_configuration_and_rules_load() -> None:
    """What stands in the ConfigMaps is accepted as it is, and what it names is mounted."""
    config, rules = objects()["ConfigMap/p2pbot"]["data"], objects()["ConfigMap/p2pbot-rules"]["data"]
    places = Places(base=Path("/etc/p2pbot"), home=Path("/nowhere"), state_dir=Path("/nowhere"))
    settings = parse_settings(config["config.yaml"], Path("config.yaml"), places)
    (account,) = settings.accounts
    assert settings.state_dir.is_relative_to("/var/lib/p2pbot")
    assert account.rules == Path("/etc/p2pbot/rules")
    (projected,) = [volume["projected"] for volume in pod()["volumes"] if volume["name"] == "config"]
    items = projected["sources"][1]["configMap"]["items"]
    assert {item["path"]: item["key"] for item in items} == {f"rules/{name}": name for name in rules}
    assert not load_rules(rules).findings


def test_its_keys_are_where_the_readme_puts_them() -> None:
    """The Secret that the README makes holds what the configuration asks for, and is mounted where it is looked up."""
    readme = (EXAMPLE.parent / "README.md").read_text("utf-8")
    (name,) = [volume["secret"]["secretName"] for volume in pod()["volumes"] if volume["name"] == "credentials"]
    assert f"create secret generic {name} --from-file=api-key --from-file=api-secret" in readme
    environ = {entry["name"]: entry["value"] for entry in container()["env"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in container()["volumeMounts"]}
    assert environ["CREDENTIALS_DIRECTORY"] == mounts["credentials"]
    config = objects()["ConfigMap/p2pbot"]["data"]["config.yaml"]
    assert set(re.findall(r"_credential: (\S+)", config)) == {"api-key", "api-secret"}
