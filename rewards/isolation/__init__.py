"""Isolation of untrusted programs: proved by doing, reported, never assumed."""

from rewards.isolation.levels import IsolationReport, Mechanism

__all__ = ["IsolationReport", "Mechanism"]
