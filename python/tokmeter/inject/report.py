"""What happened to each object of a manifest, for people and for programs. Knows no YAML."""

from dataclasses import dataclass
from typing import Any

from tokmeter.inject.outcome import ASKED_FOR_NOTHING, Outcome
from tokmeter.inject.template import Template


@dataclass(frozen=True, slots=True)
class Entry:
    """One object and what became of it."""

    template: Template
    namespace: str
    outcome: Outcome

    @property
    def refused(self) -> bool:
        """Whether a sidecar was wanted and is not there."""
        return self.outcome.reason not in ASKED_FOR_NOTHING

    def lines(self) -> list[str]:
        """For people."""
        outcome = self.outcome
        who = f"{self.template.kind.lower()}/{self.template.name}"
        return [f"{who}: {outcome.reason}: {outcome.message}", *(f"  warning: {text}" for text in outcome.warnings)]

    def values(self) -> dict[str, Any]:
        """For programs."""
        outcome = self.outcome
        return {
            "kind": self.template.kind,
            "name": self.template.name,
            "namespace": self.namespace,
            "injected": outcome.injected,
            "reason": str(outcome.reason),
            "message": outcome.message,
            "profile": outcome.profile,
            "warnings": list(outcome.warnings),
        }
