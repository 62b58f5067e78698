"""Batches on their way to a device: begun ahead, finished when they are used."""

from __future__ import annotations

from typing import Any, Protocol

from headrace.contracts import Record
from headrace.contracts.errors import ArgumentError, MissingExtra, near
from headrace.extras import imported
from headrace.tensors.jax import put
from headrace.tensors.leaves import over_leaves
from headrace.tensors.staging import StagedCopies
from headrace.tensors.torch import to_torch

# Any, in this file: devices and tensors are of optional packages.
FRAMEWORKS = ("torch", "jax")


class Copies(Protocol):
    """Copies batches to one device."""

    def begin(self, batch: Record) -> Any:
        """Begins a copy, which may go on while others work. The batch is then free."""
        ...

    def finish(self, begun: Any) -> Record:
        """The batch on the device, for whatever the caller does with it next."""
        ...


def copies_to(device: Any, framework: str | None) -> Copies:
    """What copies batches to a device as tensors of a framework.

    Raises:
        ArgumentError: there is no such device, or batches have no tensors that could go to one.
        MissingExtra: the framework is not installed.
    """
    if framework == "torch":
        return _torch_copies(device)
    if framework == "jax":
        return JaxCopies(_jax_device(device))
    raise ArgumentError(
        f"device={device!r} was asked of a DataLoader with to={framework!r}, whose batches are no "
        "tensors that it can copy. Say whose they become: to='torch', or to='jax'."
    )


class TorchCopies:
    """Plain copies, for devices that need no staging: "cpu", "meta", "mps" and others."""

    def __init__(self, device: Any) -> None:
        self._device = device
        self._torch = imported("torch", extra="torch")

    def begin(self, batch: Record) -> Record:
        """The batch on the device; torch waits for what needs waiting for."""
        return over_leaves(self._moved, to_torch(batch))

    def finish(self, begun: Record) -> Record:
        """The batch as it is."""
        return begun

    def _moved(self, leaf: Any) -> Any:
        return leaf.to(self._device) if isinstance(leaf, self._torch.Tensor) else leaf


class JaxCopies:
    """Transfers of JAX, which return at once; it orders what uses them behind them."""

    def __init__(self, where: Any) -> None:
        self._where = where

    def begin(self, batch: Record) -> Record:
        """The batch, its transfer begun."""
        return put(batch, self._where)

    def finish(self, begun: Record) -> Record:
        """The batch as it is."""
        return begun


def _torch_copies(device: Any) -> Copies:
    torch = imported("torch", extra="torch")
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError, ValueError) as error:
        raise ArgumentError(
            f"device={device!r} was asked, and torch knows no device of this name: "
            f"{_why(error)}. Use 'cuda', 'cuda:1', or 'cpu'."
        ) from error
    if found.type == "cuda":
        return StagedCopies(torch.device("cuda", _cuda_index(torch, found)))
    try:
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError, NotImplementedError, MissingExtra) as error:
        raise ArgumentError(
            f"device={device!r} was asked, and torch {torch.__version__} cannot use it here: "
            f"{_why(error)}. Use a device of this machine, or 'cpu'."
        ) from error
    return TorchCopies(found)


def _why(error: Exception) -> str:
    """The first sentence of torch's reason; pages about its builds may follow."""
    return str(error).splitlines()[0].split(". ")[0].rstrip(".:")


def _cuda_index(torch: Any, device: Any) -> int:
    if not torch.cuda.is_available():
        why = "sees no GPU" if torch.version.cuda else "was built without CUDA"
        raise ArgumentError(
            f"device={str(device)!r} was asked, and torch {torch.__version__} {why}. "
            "Install torch with CUDA on a machine that has a GPU, or use device='cpu'."
        )
    count: int = torch.cuda.device_count()
    index: int = torch.cuda.current_device() if device.index is None else device.index
    if index >= count:
        raise ArgumentError(
            f"device={str(device)!r} was asked, and torch sees {count} of them here, cuda:0 to "
            f"cuda:{count - 1}. Use one of these."
        )
    return index


def _jax_device(device: Any) -> Any:
    jax = imported("jax", extra="jax")
    if not isinstance(device, str):
        if isinstance(device, jax.Device | jax.sharding.Sharding):
            return device
        raise ArgumentError(
            f"a device of JAX is a name, a jax.Device or a Sharding, got {device!r}. "
            "Use one of jax.devices()."
        )
    platform, _, index = device.partition(":")
    try:
        return jax.devices(platform)[int(index or 0)]
    except (RuntimeError, ValueError, IndexError) as error:
        known = [f"{one.platform}:{one.id}" for one in jax.devices()]
        raise ArgumentError(
            f"device={device!r} was asked, and JAX has no such device here. {near(device, known)}"
        ) from error
