"""What a submission may do with a module, judged by the dotted path of what it names."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from grader.policy import allowed


@dataclass(frozen=True)
class Verdict:
    """What is wrong with a path.

    Attributes:
        kind: Name of the rule.
        why: Why, and what to do instead.
        operation: The operation of torch whose permission would make it right, if there is one;
            then it matters only where a graded function comes to it.
    """

    kind: str
    why: str
    operation: str | None = None


def import_verdict(module: str, extra: Iterable[str]) -> Verdict | None:
    """What is wrong with importing a module; None if nothing is.

    Args:
        module: Its dotted path; that of a relative import begins with a dot.
        extra: Modules that the lesson allows, with all below them.
    """
    below_extra = any(module == name or module.startswith(f"{name}.") for name in extra)
    if module in allowed.IMPORTS or below_extra:
        return None
    if module.startswith("."):
        return Verdict("forbidden-import", "A submission is one file: write what it needs into it.")
    return Verdict(
        "forbidden-import",
        "It is not among the modules that a submission may use. Do without it, or move it under "
        'if __name__ == "__main__":, which the grader does not run.',
    )


def path_verdict(path: str) -> Verdict | None:
    """What is wrong with using what a dotted path stands for; None if nothing is."""
    parts = path.split(".")
    root, below = parts[0], parts[1:]
    if root == "builtins":
        return _builtin(below[0])
    if any(part in allowed.HIDDEN_MODULES for part in below):
        why = "It leads to another module through this one. A submission does without it."
        return Verdict("forbidden-attribute", why)
    if any(part.startswith("_") and not _is_dunder(part) for part in below):
        why = f"It is a private part of {root}. Use what {root} documents."
        return Verdict("forbidden-attribute", why)
    if path in allowed.REFLECTION:
        return Verdict("forbidden-call", "Write out what is meant, so that it can be read.")
    if root == "torch" and below:
        return _torch(".".join(below))
    if root == "triton" and below:
        return _triton(".".join(below))
    if root == "numpy" and below and below[0] not in allowed.NUMPY:
        why = "It computes outside of your kernel. Compute it in your kernel."
        return Verdict("torch-instead-of-kernel", why, operation=f"numpy.{below[0]}")
    if path in ("operator.matmul", "operator.imatmul"):
        return Verdict("torch-instead-of-kernel", COMPUTE, operation="matmul")
    return None


COMPUTE = "The result is to come from your Triton kernels: compute it in your kernel."


def _builtin(name: str) -> Verdict | None:
    if name in allowed.BUILTINS:
        why = "What a submission does must be plain from its text: write it out."
        return Verdict("forbidden-call", why)
    if name in ("getattr", "hasattr"):
        why = f'Write the name out: {name}(value, "name"), or value.name.'
        return Verdict("forbidden-call", why)
    return None


def _torch(path: str) -> Verdict | None:
    reason = _reason(path, allowed.FORBIDDEN_TORCH)
    if reason is None and any(
        part.startswith("set_") and part not in allowed.SETTINGS for part in path.split(".")
    ):
        reason = "torch's settings stay as they are, for the measurement's sake"
    if reason is not None:
        return Verdict("forbidden-call", f"Leave it out: {reason}.")
    operation = torch_operation(path)
    if _below(path, allowed.TYPES - {"Tensor"}) or {path, operation} & allowed.TORCH:
        return None
    escape = _reason(path, allowed.ESCAPES)
    if escape is not None:
        return Verdict("forbidden-call", f"Leave it out: {escape}.", operation)
    why = "It is not among what this function may use of torch. Compute it in your kernel."
    return Verdict("torch-instead-of-kernel", why, operation)


def torch_operation(path: str) -> str:
    """How lists of operations name what stands below ``torch``.

    ``nn.functional.relu_`` is ``relu``, ``autograd.grad`` keeps its namespace.
    """
    for namespace in allowed.NAMESPACES:
        path = path.removeprefix(f"{namespace}.")
    return path if path.startswith("_") else path.removesuffix("_")


def _triton(path: str) -> Verdict | None:
    entries = allowed.TRITON
    if _below(path, entries) or any(entry.startswith(f"{path}.") for entry in entries):
        return None
    why = "It is not among the parts of triton that a submission may use: those that define and "
    return Verdict("forbidden-attribute", f"{why}launch kernels. Do without it.")


def _below(path: str, entries: Iterable[str]) -> bool:
    """Whether a path is one of the entries, or what is below one."""
    return any(path == entry or path.startswith(f"{entry}.") for entry in entries)


def _reason(path: str, reasons: dict[str, str]) -> str | None:
    return next((why for entry, why in reasons.items() if _below(path, (entry,))), None)


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")
