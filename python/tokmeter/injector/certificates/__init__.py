"""Serving certificates: the injector's own, shared between replicas through a Secret, or files that somebody else keeps."""
