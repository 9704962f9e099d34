"""``@triton.autotune`` without a GPU to time on.

Stock Triton up to 3.9 asks the GPU's driver for a benchmark and fails without one. Here the
first configuration that survives pruning wins, and the state of memory afterwards is that of a
GPU: there each configuration runs several times before the launch that counts.
"""

from __future__ import annotations

from typing import Any

from grader.worker.interpreter import watch


def run_first_config(self: Any, *args: Any, **kwargs: Any) -> Any:
    """``Autotuner.run``: pick a configuration, rehearse where that leaves traces, launch.

    A kernel that updates a tensor in place is run as in a benchmark before the launch, under
    the same hooks, so that a missing ``reset_to_zero`` or ``restore_value`` shows. Whether it
    updates is known only when the launch is recorded; without a recording there is no
    rehearsal.
    """
    self.nargs = dict(zip(self.arg_names, args, strict=False))
    key = _key(self, kwargs)
    config = self.cache.get(key) if len(self.configs) > 1 else self.configs[0]
    tuning = config is None
    if config is None:
        config = self.cache[key] = self.prune_configs(kwargs)[0]
    self.best_config = config
    tuned = {**kwargs, **config.all_kwargs()}
    everything = {**self.nargs, **tuned}
    run = _tune_and_launch if tuning else _launch
    result = run(self, args, tuned, config, everything)
    self.nargs = None
    return result


def _tune_and_launch(
    self: Any, args: tuple[Any, ...], tuned: dict[str, Any], config: Any, named: dict[str, Any]
) -> Any:
    """The launch that counts, preceded by a rehearsal if the two together differ from it."""
    if config.pre_hook is not None:
        config.pre_hook(named)
    self.pre_hook(named)
    result = self.fn.run(*args, **tuned)
    self.post_hook(named, exception=None)
    watcher = watch.current
    in_place = watcher is not None and watcher.updated_in_place()
    if in_place or self.restore_value or self.user_defined_post_hook:
        if watcher is not None:
            watcher.was_rehearsal()
        self.pre_hook(named, reset_only=True)
        result = _launch(self, args, tuned, config, named)
    return result


def _launch(
    self: Any, args: tuple[Any, ...], tuned: dict[str, Any], config: Any, named: dict[str, Any]
) -> Any:
    if config.pre_hook is not None:
        config.pre_hook(named)
    return self.fn.run(*args, **tuned)


def _key(self: Any, kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """What a GPU would tune for anew: the key arguments and the dtypes of the tensors."""
    given = {
        name: value for name, value in {**self.nargs, **kwargs}.items() if name in self.arg_names
    }
    named = [given[name] for name in self.keys if name in given]
    return (*named, *(str(value.dtype) for value in given.values() if hasattr(value, "dtype")))
