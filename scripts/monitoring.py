"""Writes the dashboards of deploy/grafana and the PrometheusRule objects of deploy/kubernetes/monitoring.

Owns what the panels ask and where they stand. The rules are those of deploy/prometheus. With --check nothing is written:
it fails when a file is not what this gives.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).parents[1]
RULES = ROOT / "deploy" / "prometheus"
DASHBOARDS = ROOT / "deploy" / "grafana"
MONITORING = ROOT / "deploy" / "kubernetes" / "monitoring"
SCHEMA = 41
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
SPEND = "namespace_service_provider_model:tokmeter_cost_usd"
OURS = 'namespace=~"$namespace",service=~"$service"'
POD = 'namespace=~"$namespace",pod=~"$pod"'
BUDGET = 'namespace=~"$namespace",budget=~"$budget"'


class Panel(NamedTuple):
    """One panel: its questions are pairs of an expression and a legend."""

    title: str
    questions: Sequence[tuple[str, str]]
    unit: str = "short"
    width: int = 12
    kind: str = "timeseries"
    note: str = ""


FLEET = [
    Panel("Last hour", [(f"sum({SPEND}:increase1h)", "")], "currencyUSD", 6, "stat"),
    Panel("Last 24 hours", [(f"sum({SPEND}:increase1d)", "")], "currencyUSD", 6, "stat"),
    Panel("Exchanges a second", [("sum(rate(tokmeter_exchanges_total[$__rate_interval]))", "")], "reqps", 6, "stat"),
    Panel(
        "Exchanges that are in no number, last hour",
        [
            ("sum(increase(tokmeter_unpriced_exchanges_total[1h]))", "unpriced"),
            ("sum(increase(tokmeter_unmetered_exchanges_total[1h]))", "unmetered"),
        ],
        width=6,
        kind="stat",
    ),
    Panel(
        "Dollars an hour by service",
        [(f"3600 * sum by (namespace, service) ({SPEND}:rate5m)", "{{namespace}} {{service}}")],
        "currencyUSD",
    ),
    Panel("Dollars an hour by model", [(f"3600 * sum by (model) ({SPEND}:rate5m)", "{{model}}")], "currencyUSD"),
    Panel(
        "Dearest services of 24 hours",
        [("topk(15, namespace_service:tokmeter_cost_usd:increase1d)", "{{namespace}} {{service}}")],
        "currencyUSD",
        kind="bargauge",
    ),
    Panel(
        "Cost of one exchange, 95 of 100",
        [("provider:tokmeter_cost_usd:p95_1h", "{{provider}}")],
        "currencyUSD",
    ),
    Panel(
        "Read from a cache, of the input",
        [
            (
                (
                    "sum by (provider) (rate(tokmeter_cache_read_tokens_total[1h])) "
                    "/ (sum by (provider) (rate(tokmeter_input_tokens_total[1h])) > 0)"
                ),
                "{{provider}}",
            )
        ],
        "percentunit",
    ),
    Panel("Retries, of the cost", [("provider:tokmeter_retry_cost:share1h", "{{provider}}")], "percentunit"),
    Panel(
        "Errors of providers",
        [("sum by (provider, code) (rate(tokmeter_provider_errors_total[$__rate_interval]))", "{{provider}} {{code}}")],
        "reqps",
    ),
    Panel(
        "First byte of the reply, 95 of 100",
        [
            (
                (
                    "histogram_quantile(0.95, sum by (le, provider) "
                    "(rate(tokmeter_first_chunk_seconds_bucket[$__rate_interval])))"
                ),
                "{{provider}}",
            )
        ],
        "s",
    ),
    Panel(
        "Output tokens that the provider stated itself",
        [("provider:tokmeter_output_reported:share1h", "{{provider}}")],
        "percentunit",
    ),
    Panel(
        "Prompts as counted here, of what providers stated",
        [("provider_model_count:tokmeter_counted_input:ratio6h", "{{provider}} {{model}} {{count}}")],
        "percentunit",
        note="Both of the same prompts. 100 % is right; exact counts are believed to be.",
    ),
    Panel(
        "Losses",
        [
            ("sum by (reason) (increase(tokmeter_capture_dropped_total[$__rate_interval]))", "capture: {{reason}}"),
            ("sum by (reason) (increase(tokmeter_ledger_dropped_total[$__rate_interval]))", "ledger: {{reason}}"),
            ("sum(increase(tokmeter_ledger_errors_total[$__rate_interval]))", "ledger: failed writes"),
        ],
    ),
]

SERVICE = [
    Panel(
        "Last hour", [(f"sum(namespace_service:tokmeter_cost_usd:increase1h{{{OURS}}})", "")], "currencyUSD", 8, "stat"
    ),
    Panel(
        "Last 24 hours",
        [(f"sum(namespace_service:tokmeter_cost_usd:increase1d{{{OURS}}})", "")],
        "currencyUSD",
        8,
        "stat",
    ),
    Panel("Exchanges in flight", [(f"sum(tokmeter_open_exchanges{{{POD}}})", "")], width=8, kind="stat"),
    Panel(
        "Dollars an hour by model", [(f"3600 * sum by (model) ({SPEND}:rate5m{{{OURS}}})", "{{model}}")], "currencyUSD"
    ),
    Panel(
        "Dollars an hour by pod",
        [(f'3600 * sum by (pod) (rate(tokmeter_cost_usd_total{{{OURS},pod=~"$pod"}}[$__rate_interval]))', "{{pod}}")],
        "currencyUSD",
    ),
    Panel(
        "Exchanges by outcome",
        [(f"sum by (outcome) (rate(tokmeter_exchanges_total{{{OURS}}}[$__rate_interval]))", "{{outcome}}")],
        "reqps",
    ),
    Panel(
        "Tokens a second",
        [
            (f"sum(rate(tokmeter_input_tokens_total{{{OURS}}}[$__rate_interval]))", "input"),
            (f"sum(rate(tokmeter_cache_read_tokens_total{{{OURS}}}[$__rate_interval]))", "of it, from a cache"),
            (f"sum(rate(tokmeter_output_tokens_total{{{OURS}}}[$__rate_interval]))", "output"),
            (f"sum(rate(tokmeter_reasoning_tokens_total{{{OURS}}}[$__rate_interval]))", "of it, reasoning"),
        ],
    ),
    Panel(
        "Read from a cache, of the input",
        [(f"avg by (model) (namespace_service_provider_model:tokmeter_cache_read:share1h{{{OURS}}})", "{{model}}")],
        "percentunit",
    ),
    Panel(
        "Refused or cut",
        [
            (
                (
                    f'sum by (decision, mode, reason) (rate(tokmeter_decisions_total{{{POD},decision=~"refuse|cut"}}'
                    "[$__rate_interval]))"
                ),
                "{{mode}} {{decision}}: {{reason}}",
            )
        ],
        "reqps",
    ),
]

BUDGETS = [
    Panel(
        "Used, of the limit",
        [(f"budget_window:tokmeter_budget_used:ratio{{{BUDGET}}}", "{{budget}} {{window}} {{pod}}")],
        "percentunit",
        kind="bargauge",
        note="Of the account that is nearest to its limit, where a budget has one for each value of its scope.",
    ),
    Panel(
        "Burn rate of an hour",
        [(f"budget_window:tokmeter_budget_burn:ratio1h{{{BUDGET}}}", "{{budget}} {{window}} {{pod}}")],
        note="1 is just gone when the window ends.",
    ),
    Panel("Accounts", [(f"tokmeter_budget_accounts{{{BUDGET}}}", "{{budget}} {{window}} {{pod}}")]),
    Panel(
        "Spent, over all accounts",
        [(f"tokmeter_budget_spent_usd{{{BUDGET}}}", "{{budget}} {{window}} {{pod}}")],
        "currencyUSD",
    ),
    Panel(
        "Held, over all accounts",
        [(f"tokmeter_budget_held_usd{{{BUDGET}}}", "{{budget}} {{window}} {{pod}}")],
        "currencyUSD",
    ),
    Panel(
        "Left in the account that is nearest to its limit",
        [
            (
                (
                    f"(tokmeter_budget_limit_usd{{{BUDGET}}} > 0) "
                    f"* clamp_min(1 - tokmeter_budget_used_ratio{{{BUDGET}}}, 0)"
                ),
                "{{budget}} {{window}} {{pod}}",
            )
        ],
        "currencyUSD",
        note="Where tokens or requests are nearer to their limit than money, the share that they leave, in dollars.",
    ),
    Panel(
        "Refusals and cuts, by the limit that binds",
        [
            (
                (
                    'sum by (reason, mode) (rate(tokmeter_decisions_total{namespace=~"$namespace",decision=~"refuse|cut"}'
                    "[$__rate_interval]))"
                ),
                "{{mode}} {{reason}}",
            )
        ],
        "reqps",
    ),
]

NAMESPACE = ("namespace", "label_values(tokmeter_build_info, namespace)")
PAGES = {
    "fleet": ("tokmeter: fleet", FLEET, ()),
    "service": (
        "tokmeter: service",
        SERVICE,
        (
            NAMESPACE,
            ("service", 'label_values(tokmeter_cost_usd_total{namespace=~"$namespace"}, service)'),
            ("pod", 'label_values(tokmeter_build_info{namespace=~"$namespace"}, pod)'),
        ),
    ),
    "budget": (
        "tokmeter: budgets",
        BUDGETS,
        (NAMESPACE, ("budget", 'label_values(tokmeter_budget_used_ratio{namespace=~"$namespace"}, budget)')),
    ),
}


def dashboard(name: str) -> dict[str, Any]:
    """One dashboard, as Grafana provisions it."""
    title, panels, variables = PAGES[name]
    chosen: list[dict[str, Any]] = [
        {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"}
    ]
    for variable, query in variables:
        chosen.append(
            {
                "name": variable,
                "type": "query",
                "datasource": SOURCE,
                "query": {"query": query, "refId": variable},
                "definition": query,
                "includeAll": True,
                # Outside Kubernetes the label is absent, which only this matches.
                "allValue": ".*",
                "multi": True,
                "refresh": 2,
                "sort": 1,
                "current": {"text": "All", "value": "$__all"},
            }
        )
    return {
        "uid": f"tokmeter-{name}",
        "title": title,
        "tags": ["tokmeter"],
        "schemaVersion": SCHEMA,
        "editable": False,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": chosen},
        "panels": list(_placed(panels)),
    }


def _placed(panels: Sequence[Panel]) -> Iterator[dict[str, Any]]:
    x = y = tallest = 0
    for number, panel in enumerate(panels, 1):
        if x + panel.width > 24:
            x, y, tallest = 0, y + tallest, 0
        height = 4 if panel.kind == "stat" else 8
        tallest = max(tallest, height)
        yield {
            "id": number,
            "title": panel.title,
            "description": panel.note,
            "type": panel.kind,
            "datasource": SOURCE,
            "gridPos": {"x": x, "y": y, "w": panel.width, "h": height},
            "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
            "targets": [
                {
                    "refId": chr(ord("A") + index),
                    "datasource": SOURCE,
                    "expr": expression,
                    "legendFormat": legend,
                    # A bar is what stands now.
                    "instant": panel.kind == "bargauge",
                    "range": panel.kind != "bargauge",
                }
                for index, (expression, legend) in enumerate(panel.questions)
            ],
        }
        x += panel.width


def rule_objects() -> str:
    """The rule files as objects of the Prometheus operator."""
    objects = [
        {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "PrometheusRule",
            "metadata": {"name": f"tokmeter-{name}", "labels": {"app.kubernetes.io/name": "tokmeter"}},
            "spec": yaml.safe_load((RULES / f"{name}.rules.yaml").read_text(encoding="utf-8")),
        }
        for name in ("recording", "alerts")
    ]
    text = yaml.safe_dump_all(objects, sort_keys=False, width=120, explicit_start=True)
    return f"# Written by scripts/monitoring.py from deploy/prometheus: change the rules there, then run it.\n{text}"


def files() -> dict[Path, str]:
    """Every file that this gives, with its text."""
    pages = {DASHBOARDS / f"{name}.json": json.dumps(dashboard(name), indent=2) + "\n" for name in PAGES}
    return {**pages, MONITORING / "prometheusrule.yaml": rule_objects()}


def main() -> int:
    """Exit code 1 where --check finds a difference."""
    stale = [path for path, text in files().items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is not what scripts/monitoring.py gives: run it", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files()[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
